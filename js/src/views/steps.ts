/** What an install is at, in words. */

import type { InstallEvent } from '../wire/protocol.js'

export function stepText(event: InstallEvent): string {
  switch (event.step) {
    case 'ManifestRequested':
      return 'asking what there is to install'
    case 'ManifestReceived':
      return `fetching ${event.files} files`
    case 'FileProgress':
      return `fetching ${event.name}`
    case 'FileVerified':
      return `checked ${event.name}`
    case 'WorkerWaiting':
      return 'waiting for a machine'
    case 'WorkerPlaced':
      return `booting ${event.at.runtime}`
    case 'WorkerBooted':
      return 'booted'
    case 'ModuleImported':
      return `imported ${event.name}`
    case 'ScriptRun':
      return `ran ${event.name}`
    case 'StyleSheetLoaded':
      return `loaded ${event.name}`
    case 'PythonStarting':
      return `starting Pyodide ${event.version}${event.from === 'image' ? ' from its image' : ''}`
    case 'ImageFound':
      return event.from === 'storage' ? 'found an image' : 'downloaded an image'
    case 'ImageBuilding':
      return 'making an image'
    case 'ImageBuilt':
      return 'made an image'
    case 'ImageNotKept':
      return `the image is not kept: ${event.reason}`
    case 'ImageUnavailable':
      return `without an image: ${event.reason}`
    case 'PackagesLoading':
      return `loading ${event.packages.join(', ')}`
    case 'PostInstallTask':
      return `running ${event.title}`
    case 'Installed':
      return 'installed'
    case 'WorkerReady':
      return 'ready'
    case 'InstallFailed':
    case 'PoolFailed':
      return event.error.message
  }
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
