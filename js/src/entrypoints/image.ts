/** What workers import to boot from an image. */

export { restore } from '../image/restore.js'
