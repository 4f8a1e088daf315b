export * from '../../tasks.mjs'
