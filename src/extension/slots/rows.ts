import {
  inRow,
  type PanelHsm,
  type PanelHsmKey,
  type PanelHsmModule,
  type PanelHsmSlot,
} from '../../contracts/panelHsm.ts'
import { CUSTODY_WORD, PIN_WORD } from '../words.ts'
import { t } from '../../support/l10n.ts'

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
  const word = vault ? CUSTODY_WORD.software : STATE[state]
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
      ? module.slots.flatMap(({ keys }) => keys.map((key) => keyRow(key, t('Vault'))))
      : module.slots.map(slotRow),
  }
}

const STATE = { loading: t('loading'), loaded: '', failed: t('not loaded'), silent: t('does not answer') } as const
const READY = { ready: 'countersign-ready', usable: 'countersign-usable', 'not ready': 'countersign-off' } as const
/** `unlocked` and `none` need no word. */
const pinWord = (pin: PanelHsmSlot['pin']) => (pin === 'unlocked' || pin === 'none' ? '' : PIN_WORD[pin])
const WORD = { ready: t('ready'), usable: t('usable'), 'not ready': t('not ready') } as const

const MET = { met: t('met'), 'not met': t('not met'), 'not told': t('not told') } as const
const WEIGHT = { needed: t('needed'), wanted: t('wanted for custody hsm'), told: '' } as const
const LIFE = {
  planned: t('planned'),
  active: t('active'),
  retiring: t('retiring'),
  retired: t('retired'),
  revoked: t('revoked'),
} as const

function slotRow(slot: PanelHsmSlot): SlotRow {
  const { ref, token, readiness, reason = '', criteria } = slot
  const number = t`slot ${slot.slot}`
  const named = token !== undefined && token.label !== ''
  const word = readiness === undefined ? t('empty') : WORD[readiness]
  const findings = criteria.map(({ state, weight, finding }) =>
    state === 'met' || weight === 'told' ? `${MET[state]}: ${finding}` : `${MET[state]}, ${WEIGHT[weight]}: ${finding}`,
  )
  return {
    ref,
    kind: 'slot',
    label: named ? token.label : number,
    description: joined(
      word,
      pinWord(slot.pin),
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
      CUSTODY_WORD[custody],
      notReady === undefined ? '' : t('not ready'),
      algorithm,
      LIFE[life],
      identity ? t('identity') : '',
    ),
    tooltip: lines(
      t`${key.label} in ${where}`,
      custodyReason === undefined
        ? t`custody ${CUSTODY_WORD[custody]}, as the module claims`
        : t`custody ${CUSTODY_WORD[custody]}: ${custodyReason}`,
      notReady === undefined ? undefined : t`not ready: ${notReady}`,
      kid === undefined ? undefined : t`kid ${kid}`,
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
