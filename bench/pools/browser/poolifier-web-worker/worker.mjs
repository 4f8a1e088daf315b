import './window.mjs'
import { ThreadWorker } from 'poolifier-web-worker'
import * as tasks from '../../tasks.mjs'

export default new ThreadWorker({ ...tasks })
