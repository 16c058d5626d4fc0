import { describe, expect, it } from 'vitest'
import type { PanelHsm } from '../../../src/contracts/panelHsm.ts'
import { type SlotRow, slotRows } from '../../../src/extension/slots/rows.ts'
import { hsm } from '../../webview/dataHsm.ts'

const all = slotRows(hsm('full'))
const flat = (rows: readonly SlotRow[]): SlotRow[] => rows.flatMap((row) => [row, ...flat(row.children)])
const named = (label: string): SlotRow | undefined => flat(all).find((row) => row.label === label)

describe('the tree view', () => {
  it('is empty without a module, so that it can say how to add one', () => {
    const vaultOnly: PanelHsm = { ...hsm('full'), modules: hsm('full').modules.filter(({ kind }) => kind === 'vault') }
    expect(slotRows(vaultOnly)).toEqual([])
  })

  it('says with each glyph the word for it', () => {
    const word: Readonly<Record<string, RegExp>> = {
      'countersign-ready': /^ready/,
      'countersign-usable': /^usable/,
      'countersign-off': /^not ready/,
      'countersign-hsm': /^hsm/,
      'countersign-software': /^software/,
      'countersign-unknown': /^unknown/,
      warning: /^not loaded/,
      'circle-outline': /^empty/,
    }
    const rows = flat(all)
    expect(new Set(rows.map(({ icon }) => icon))).toEqual(new Set([...Object.keys(word), 'package']))
    for (const { icon, description, label } of rows) {
      if (icon !== 'package') expect(description, label).toMatch(word[icon] ?? /never/)
    }
  })

  it('goes from module to slot to key, each with what can be done with it', () => {
    const luna = all[0]
    expect(luna).toMatchObject({ label: 'Thales Luna', description: 'libCryptoki2_64.so 10.9', context: 'module' })
    const slot = luna?.children[0]
    expect(slot).toMatchObject({ label: 'Luna 7', description: 'ready · slot 0 · ML-DSA-87, ML-DSA-65, ML-KEM' })
    expect(slot?.context).toBe('slot createKey probe lock changePin resetPin initialise')
    expect(slot?.children.map(({ label, description }) => `${label}: ${description}`)).toEqual([
      'mcp-identity-key: hsm · ML-DSA-87 · active · identity',
      'mcp-identity-key-2: hsm · ML-DSA-87 · planned',
      'mcp-identity-2025: hsm · ML-DSA-65 · retired',
    ])
    expect(slot?.children[2]?.context).toBe('key revoke destroy copyJwk copyPem copyWords')
  })

  it('has the verdict with its reasons in the tooltip, and nothing that could be markup of a module', () => {
    expect(named('soft2')?.description).toBe('not ready · PIN locked · slot 2 · ML-DSA-87, ML-DSA-65, ML-KEM')
    expect(named('soft2')?.tooltip.split('\n')).toEqual(
      expect.arrayContaining([
        'not ready: PIN locked: only its security officer can set a new one',
        'not met, needed: PIN locked: only its security officer can set a new one',
        'met: ML-DSA-87 is offered',
        'not told: not probed yet',
      ]),
    )
    expect(named('card-key')?.tooltip).toContain('not ready: it asks for the PIN at every signature')
    expect(named('slot 4')).toMatchObject({ description: 'empty', context: 'slot' })
    expect(named('cknfast.so')?.tooltip).toContain('is built for arm64')
  })

  it('names every row once', () => {
    const refs = flat(all).map(({ ref }) => ref)
    expect(new Set(refs).size).toBe(refs.length)
  })
})
