import type { LogOutputChannel } from 'vscode'
import { formatLine, type Log, type LogField, type LogLevel } from '../support/log.ts'

/** The log of the extension as an output channel of the editor. Every line goes through `formatLine`, which redacts. */
export class OutputLog implements Log {
  private readonly channel: LogOutputChannel

  constructor(channel: LogOutputChannel) {
    this.channel = channel
  }

  log(level: LogLevel, message: string, fields?: Readonly<Record<string, LogField>>): void {
    const line = formatLine(message, fields)
    switch (level) {
      case 'debug':
        return this.channel.debug(line)
      case 'info':
        return this.channel.info(line)
      case 'warn':
        return this.channel.warn(line)
      case 'error':
        return this.channel.error(line)
    }
  }

  show(): void {
    this.channel.show(true)
  }
}
