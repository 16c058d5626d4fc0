import type { GatewaySetting } from '../../contracts/settings.ts'

/** What a pin belongs to, and what people are shown: the address, or the command with its arguments. */
export function addressOf({ route }: GatewaySetting): string {
  return route.kind === 'websocket' ? route.url : [route.command, ...route.args].join(' ')
}
