/** The script of the page in which the command line has images made. */

import { runMaker } from '../install/image-maker.js'

await runMaker()
