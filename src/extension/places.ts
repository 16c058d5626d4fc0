import { join } from 'node:path'

/** Where things lie: files of the extension itself, and its storage on this machine (shared by all windows). */
export class Places {
  private readonly extension: string
  private readonly storage: string

  constructor(extension: string, storage: string) {
    this.extension = extension
    this.storage = storage
  }

  get keyProcess(): string {
    return join(this.extension, 'dist', 'keyProcess.js')
  }

  get cli(): string {
    return join(this.extension, 'dist', 'cli.js')
  }

  get sampleServer(): string {
    return join(this.extension, 'dist', 'sampleServer.js')
  }

  get webview(): string {
    return join(this.extension, 'dist', 'webview')
  }

  get translations(): string {
    return join(this.extension, 'media', 'l10n')
  }

  get vault(): string {
    return join(this.storage, 'vault.json')
  }

  /** Pins. */
  get state(): string {
    return join(this.storage, 'state')
  }

  get journal(): string {
    return join(this.storage, 'journal')
  }

  /** Gateways in front of servers that were secured, one folder each. */
  get secured(): string {
    return join(this.storage, 'secured')
  }

  get sample(): string {
    return join(this.storage, 'sample')
  }
}
