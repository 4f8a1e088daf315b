/** The compiled host (`crates/millhand-web`), as the rest of the package names it. */

export { default as startHost, Host } from '#host'
export type { ExitReason, HostListener, HostPort, HostSettings, HostSink, HostTaskSpec, OpenPort } from '#host'
