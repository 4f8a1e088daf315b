/** The compiled host (`crates/millhand-web`), as the rest of the package names it. */

export { default as startHost, Host } from '#host'
export type {
  EngineState,
  ExitReason,
  HostEngine,
  HostEngineSink,
  HostListener,
  HostPort,
  HostRemoteSettings,
  HostSettings,
  HostSink,
  HostTaskSpec,
  OpenPort,
  WorkerLocation,
} from '#host'
