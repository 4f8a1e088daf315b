/** The script of the worker that makes images. */

import { startBuilder } from '../image/builder.js'

startBuilder()
