import { expect, it } from 'vitest'
import type { InventoryKey, InventorySlot, InventoryToken } from '../../../src/contracts/inventory.ts'
import type { Inventory } from '../../../src/extension/identity/inventoryService.ts'
import { placeText, slotsOf } from '../../../src/extension/identity/keyPlaces.ts'
import { slotChoices } from '../../../src/extension/identity/slotChoices.ts'

const HOSTILE = '$(countersign-hsm) mine'
const key: InventoryKey = {
  label: HOSTILE,
  algorithm: 'ML-DSA-87',
  kid: 'k',
  publicKey: new Uint8Array(2592),
  id: null,
  custody: 'software',
  reasons: ['it says so'],
  claims: null,
  notReady: undefined,
}
const token: InventoryToken = {
  label: HOSTILE,
  manufacturer: '',
  model: '',
  serial: '',
  firmware: '',
  hardwareVersion: '',
  flags: [],
  sessions: { open: null, most: null },
  memory: null,
  keypad: false,
  pin: 'wanted',
  can: ['ML-DSA-87'],
  keys: [key],
  listed: false,
  canCreate: true,
  initialised: true,
}
const slot: InventorySlot = {
  slot: 1,
  where: { slot: 1 },
  description: HOSTILE,
  hardware: false,
  token,
  readiness: 'usable',
  reason: '',
  criteria: [],
  probes: [],
  quirks: [],
}
const facts = {
  path: '/m.so',
  name: HOSTILE,
  manufacturer: '',
  description: '',
  version: '',
  cryptoki: '',
  software: true,
  answersIn: 1,
  slots: [slot, { ...slot, slot: 2, readiness: 'not ready' as const }],
}
const module_ = { ref: 'm', setting: { path: '/m.so' }, name: HOSTILE, facts }
const inventory: Inventory = { refreshedAt: 1, loading: false, modules: [module_], vault: {} }

it('a label draws no icon, and so no custody, of its own', () => {
  const labels = slotChoices(inventory, { kind: 'vault' })
    .flatMap(({ rows }) => rows)
    .map(({ label }) => label)
  expect(labels.filter((label) => label.includes('mine')).length).toBeGreaterThan(2)
  for (const label of labels) expect(label.replace(/^\$\([a-z-]+\) /, '')).not.toContain('$(')
  for (const place of slotsOf(module_)) expect(placeText(place)).not.toContain('$(')
})
