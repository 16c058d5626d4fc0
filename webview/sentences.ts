import { t } from '../src/support/l10n.ts'

/** Sentences with figures in them. `shown` is the figure as it is formatted. */
export const sentences = {
  rejected: (shown: string) => t`${shown} rejected`,
  newer: (n: number, shown: string) => (n === 1 ? t`${shown} newer context` : t`${shown} newer contexts`),
  contexts: (n: number, shown: string) => (n === 1 ? t`${shown} context` : t`${shown} contexts`),
  roots: (n: number, shown: string) => (n === 1 ? t`${shown} root` : t`${shown} roots`),
  signed: (roots: string, n: number, contexts: string) =>
    n === 1 ? t`${roots} root, which cover ${contexts} contexts` : t`${roots} roots, which cover ${contexts} contexts`,
  sessions: (open: string, most: string | undefined) => (most === undefined ? open : t`${open} of at most ${most}`),
  notOurs: (token: string) => t`Countersign cannot check them; it can only show what ${token} says.`,
  free: (shared: string, own: string) => t`${shared} public, ${own} private`,
  showContexts: (n: number, shown: string) => (n === 1 ? t`Show ${shown} context` : t`Show ${shown} contexts`),
  modules: (n: number) => (n === 1 ? t`${n} module` : t`${n} modules`),
  tokens: (n: number) => (n === 1 ? t`${n} token` : t`${n} tokens`),
  readyTokens: (n: number) => t`${n} ready for a quantum-safe identity`,
  leaf: (index: number, size: number, nodes: number) =>
    nodes === 1 ? t`leaf ${index} of ${size}, ${nodes} node` : t`leaf ${index} of ${size}, ${nodes} nodes`,
  row: (verdict: string, what: string, dir: 'c2s' | 's2c', server: string, size: string, custody: string) =>
    dir === 'c2s'
      ? t`${verdict}, ${what} to ${server}, ${size} bytes, ${custody}`
      : t`${verdict}, ${what} from ${server}, ${size} bytes, ${custody}`,
  more: (shown: string) => t`… ${shown} more`,
  waiting: (n: number, shown: string) =>
    n === 0
      ? t('A signature is being made for it.')
      : n === 1
        ? t`It waits with ${shown} other; one signature covers those that wait together.`
        : t`It waits with ${shown} others; one signature covers those that wait together.`,
  acknowledgedBy: (seq: string, at: string) => t`by sequence ${seq}, ${at}`,
  copied: (what: string) => t`${what}: copied`,
  bytesOf: (from: string, to: string, size: string) => t`${from} to ${to} of ${size}`,
  found: (shown: string, of: string) => t`${shown} of ${of}`,
  unseen: (shown: string) => t`searching, ${shown} left`,
  texts: (n: number, shown: string) =>
    n === 1 ? t`text of ${shown} context searched` : t`text of ${shown} contexts searched`,
  journal: (done: string, of: string) => t`Searching the journal: ${done} of ${of} contexts`,
  unkept: (shown: string) => t`Contexts kept as digest only, or encrypted, were not searched: ${shown}`,
  missing: (shown: string) => t`Contexts that were not found in the journal were not searched: ${shown}`,
  unreadable: (shown: string) => t`Files of the journal that could not be read: ${shown}`,
  older: (n: number, shown: string) =>
    n === 1 ? t`${shown} older one is in the journal only` : t`${shown} older ones are in the journal only`,
  exchange: (exchange: string) => t`exchange ${exchange}`,
  answered: (after: string) => t`answered after ${after}`,
  alert: (alert: number) => t`Alert ${alert}.`,
  direction: (dir: string, seq: string) => t`${dir} · sequence ${seq}`,
  signedAt: (at: string) => t`${at}, by the signer’s clock`,
  upTo: (seq: string) => t`up to sequence ${seq}`,
  events: (n: number, shown: string) => (n === 1 ? t`${shown} event` : t`${shown} events`),
  oneSignature: (took: string) => t`one signature, ${took}`,
  range: (from: number, to: number) => (to - from === 1 ? t`leaf ${from}` : t`leaves ${from} to ${to - 1}`),
  root: (hash: string) => t`root ${hash}`,
  rootComputed: (hash: string) => t`root, computed: ${hash}`,
  unseenLeaf: (leaf: number) => t`leaf ${leaf}, never seen here`,
  slot: (slot: string) => t`slot ${slot}`,
  slotOf: (token: string, slot: string) => t`${token}, slot ${slot}`,
  emptySlot: (slot: string) => t`slot ${slot}, empty`,
  blankSlot: (slot: string) => t`slot ${slot}, not initialised`,
  serial: (serial: string) => t`serial ${serial}`,
  answersIn: (took: string) => t`answers in ${took}`,
  since: (date: string) => t`since ${date}`,
  for: (time: string) => t`for ${time}`,
  lasted: (cause: string, time: string) => t`${cause} · lasted ${time}`,
  lasting: (cause: string, time: string) => t`${cause} · for ${time}`,
  nextRekey: (time: string | undefined, n: number, shown: string | undefined) =>
    shown === undefined
      ? t`next rekey in ${time ?? ''}`
      : time === undefined
        ? n === 1
          ? t`next rekey after ${shown} context`
          : t`next rekey after ${shown} contexts`
        : n === 1
          ? t`next rekey in ${time}, or after ${shown} context`
          : t`next rekey in ${time}, or after ${shown} contexts`,
  gatewayNamed: (gateway: string) => t`gateway ${gateway}`,
  editorCustody: (custody: string) => t`editor ${custody}`,
  gatewayCustody: (custody: string) => t`gateway key ${custody}`,
  blocked: (gateway: string) => t`${gateway} is blocked: the gateway’s key changed`,
  arrives: (way: 'c2s' | 's2c', at: string) => (way === 'c2s' ? t`to the gateway at ${at}` : t`to the editor at ${at}`),
  signedPart: (part: string, custody: string) => t`${part} by ${custody}`,
  moreCharacters: (n: number) => t`… ${n} more characters`,
  moreLines: (n: number) => t`… ${n} more lines`,
  moreTokens: (n: number) => t`… ${n} more tokens`,
  trialRunning: (over: number, all: number) =>
    all === 0 ? t('Starting the sample gateway…') : t`${over} of ${all} tried`,
  trialDone: (refused: number, attacks: number, passed: number, controls: number) =>
    controls === 1
      ? t`${refused} of ${attacks} refused; ${passed} of ${controls} control went through`
      : t`${refused} of ${attacks} refused; ${passed} of ${controls} controls went through`,
  trialCancelled: (text: string) => t`Cancelled. ${text}`,
  reached: (whom: string, bytes: string) => t`What reached ${whom}: ${bytes} bytes.`,
  place: (at: string, length: string) => t`at byte ${at} of ${length}`,
  of: (most: number) => t`of ${most}`,
  announce: (what: string, server: string, reason: string) => t`Rejected: ${what} from ${server}. ${reason}`,
} as const
