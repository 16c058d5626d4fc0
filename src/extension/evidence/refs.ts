/** Names this run of the host: what a webview remembers from before a reload is not taken for another context. */
const RUN = Date.now().toString(36)
const REF = new RegExp(`^${RUN}-(\\d{1,15})$`)

/** A context's ref in the panel: its number in the index, and the run that it belongs to. */
export function refOf(number: number): string {
  return `${RUN}-${number}`
}

/** -1, which no context has, for a ref that is none of this run. */
export function numberOf(ref: string): number {
  return Number(REF.exec(ref)?.[1] ?? -1)
}
