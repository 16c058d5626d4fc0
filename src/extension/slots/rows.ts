import {
  inRow,
  type PanelHsm,
  type PanelHsmKey,
  type PanelHsmModule,
  type PanelHsmSlot,
} from '../../contracts/panelHsm.ts'

/** One line of the tree view: glyph and word, what can be done with it, and what is below it. */
export interface SlotRow {
  /** Of the inventory: what the commands of the context menu are told. */
  readonly ref: string
  readonly kind: 'module' | 'slot' | 'key'
  readonly label: string
  /** Begins with the word of what the glyph says. */
  readonly description: string
  readonly tooltip: string
  readonly icon: string
  /** "slot unlock createKey": kind and actions, for the `when` clauses of the manifest. */
  readonly context: string
  readonly children: readonly SlotRow[]
}

/** Nothing while there is no module: then the view says how to add one. */
export function slotRows({ modules }: PanelHsm): SlotRow[] {
  return modules.some(({ kind }) => kind === 'module') ? modules.map(moduleRow) : []
}

function moduleRow(module: PanelHsmModule): SlotRow {
  const { ref, kind, name, detail = '', state, reason = '', path } = module
  const vault = kind === 'vault'
  const word = vault ? 'software' : STATE[state]
  return {
    ref,
    kind: 'module',
    label: name,
    description: joined(word, detail),
    tooltip: lines(name, path, word, reason),
    icon: vault ? 'countersign-software' : state === 'failed' || state === 'silent' ? 'warning' : 'package',
    context: vault ? 'vault' : 'module',
    // The vault is one token: its keys hang below it directly.
    children: vault
      ? module.slots.flatMap(({ keys }) => keys.map((key) => keyRow(key, 'Vault')))
      : module.slots.map(slotRow),
  }
}

const STATE = { loading: 'loading', loaded: '', failed: 'not loaded', silent: 'does not answer' } as const
const READY = { ready: 'countersign-ready', usable: 'countersign-usable', 'not ready': 'countersign-off' } as const
/** As the panel says it; `unlocked` and `none` need no word. */
const PIN: Readonly<Partial<Record<PanelHsmSlot['pin'], string>>> = {
  wanted: 'PIN wanted',
  'last try': 'last try',
  locked: 'PIN locked',
  'to be changed': 'PIN to be changed',
  'not set': 'no PIN set',
}

function slotRow(slot: PanelHsmSlot): SlotRow {
  const { ref, token, readiness, reason = '', criteria } = slot
  const number = `slot ${slot.slot}`
  const named = token !== undefined && token.label !== ''
  const word = readiness ?? 'empty'
  const findings = criteria.map(({ state, weight, finding }) =>
    state === 'met' || weight === 'told' ? `${state}: ${finding}` : `${state}, ${weight}: ${finding}`,
  )
  return {
    ref,
    kind: 'slot',
    label: named ? token.label : number,
    description: joined(
      word,
      PIN[slot.pin] ?? '',
      named ? number : '',
      inRow(slot.can)
        .map(({ label }) => label)
        .join(', '),
    ),
    tooltip: lines(named ? `${token.label}, ${number}` : number, `${word}: ${reason}`, '', ...findings),
    icon: readiness === undefined ? 'circle-outline' : READY[readiness],
    context: ['slot', ...slot.actions].join(' '),
    children: slot.keys.map((key) => keyRow(key, named ? token.label : number)),
  }
}

function keyRow(key: PanelHsmKey, where: string): SlotRow {
  const { custody, algorithm, notReady, identity, custodyReason, kid, words } = key
  const life = key.life?.state ?? 'active'
  return {
    ref: key.ref,
    kind: 'key',
    label: key.label,
    description: joined(
      custody,
      notReady === undefined ? '' : 'not ready',
      algorithm,
      life,
      identity ? 'identity' : '',
    ),
    tooltip: lines(
      `${key.label} in ${where}`,
      `custody ${custody}${custodyReason === undefined ? ', as the module claims' : `: ${custodyReason}`}`,
      notReady === undefined ? undefined : `not ready: ${notReady}`,
      kid === undefined ? undefined : `kid ${kid}`,
      words.join(' '),
    ),
    icon: `countersign-${custody}`,
    context: ['key', ...key.actions].join(' '),
    children: [],
  }
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(' · ')
const lines = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join('\n')
