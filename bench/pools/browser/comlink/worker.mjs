import { expose } from 'comlink'
import * as tasks from '../../tasks.mjs'

expose({ ...tasks })
