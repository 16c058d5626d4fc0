import type { PanelHsm, PanelHsmKey, PanelHsmModule, PanelHsmSlot } from '../../src/contracts/panelHsm.ts'
import { t } from '../../src/support/l10n.ts'
import { dice, editor, identity } from './seed.ts'

const ALL = [{ label: 'ML-DSA-87' }, { label: 'ML-DSA-65' }, { label: 'ML-DSA-44' }, { label: 'ML-KEM' }]
const day = (text: string): number => Date.parse(`${text}T09:00:00Z`)

const classical = () => t`no ML-DSA mechanism: ${'RSA, ECDSA, EdDSA'} fall to a quantum computer`

function signing(): NonNullable<PanelHsmKey['signing']> {
  const throws = dice(7)
  const took = Array.from({ length: 60 }, () => 8.2 + 3 * throws() ** 3)
  const sizes = Array.from({ length: 60 }, () => 1 + Math.round(11 * throws() ** 2))
  return { roots: 3412, contexts: 18204, failed: 0, took, p50: 9.4, sizes, mean: 18204 / 3412 }
}

function key(label: string, change: Partial<PanelHsmKey> = {}): PanelHsmKey {
  const { kid, words, custody } = identity(label, change.custody ?? 'hsm')
  const claim = (name: string, value: boolean | undefined, counts = false, wanted = true) => ({
    name,
    counts,
    wanted,
    ...(value === undefined ? {} : { value }),
  })
  const hsm = custody === 'hsm'
  return {
    ref: `key ${label}`,
    label,
    algorithm: 'ML-DSA-87',
    kid,
    words,
    id: '6d63702d6964',
    custody,
    ...(hsm ? {} : { custodyReason: t`${'NSS'} is software, whatever it claims` }),
    identity: label === editor.name,
    selectable: label !== editor.name,
    publicKeyBytes: 2592,
    attributes: [
      claim(t('sensitive'), true, true),
      claim(t('token object'), true),
      claim(t('never extractable'), true, true),
      claim(t('sign'), true),
      claim(t('made inside'), hsm ? true : undefined, true),
      claim(t('modifiable'), false),
    ],
    actions: ['rotate', 'retire', 'revoke', 'destroy', 'copyJwk', 'copyPem', 'copyWords'],
    ...(label === editor.name ? { signing: signing() } : {}),
    ...change,
  }
}

const criteria = (): PanelHsmSlot['criteria'] => [
  { name: t('initialised'), state: 'met', weight: 'needed', finding: t('the token is initialised') },
  { name: t('ML-DSA-87'), state: 'met', weight: 'needed', finding: t('ML-DSA-87 is offered') },
  { name: t('PIN set'), state: 'met', weight: 'needed', finding: t('a PIN is set') },
  { name: t('not locked'), state: 'met', weight: 'needed', finding: t('its PIN is not locked') },
  { name: t('a key, or room for one'), state: 'met', weight: 'needed', finding: t('keys can be made') },
  { name: t('probe'), state: 'not told', weight: 'told', finding: t('not probed yet') },
  { name: t('hardware slot'), state: 'met', weight: 'wanted', finding: t('the slot is marked as hardware') },
  { name: t('key made inside'), state: 'met', weight: 'wanted', finding: t('claims that keys are made inside') },
  { name: t('firmware'), state: 'met', weight: 'told', finding: t`firmware ${'7.9.1'}` },
]
/** The criteria with some of them told in another way. */
const but = (...changes: PanelHsmSlot['criteria']): PanelHsmSlot['criteria'] =>
  criteria().map((one) => changes.find(({ name }) => name === one.name) ?? one)

function slot(number: string, token: string | undefined, change: Partial<PanelHsmSlot>): PanelHsmSlot {
  return {
    ref: `slot ${number} ${token ?? 'empty'}`,
    slot: number,
    hardware: true,
    ...(token === undefined
      ? {}
      : {
          token: {
            label: token,
            manufacturer: 'Maker',
            model: 'K7',
            serial: '1390 2245 8817',
            firmware: '7.9.1',
            hardwareVersion: '2.0',
            initialised: true,
            keypad: false,
            flags: [t('login required'), t('random numbers of its own')],
            sessions: { open: 3, most: 64 },
            memory: { publicFree: 409_600, privateFree: 393_216 },
          },
        }),
    can: ALL,
    readiness: 'ready',
    criteria: criteria(),
    probes: [],
    quirks: [],
    pin: 'unlocked',
    listed: true,
    actions: ['createKey', 'probe', 'lock', 'changePin', 'resetPin', 'initialise'],
    keys: [],
    ...change,
  }
}

const empty = (number: string): PanelHsmSlot => ({
  ref: `empty ${number}`,
  slot: number,
  can: [],
  criteria: [],
  probes: [],
  quirks: [],
  pin: 'none',
  listed: false,
  actions: [],
  keys: [],
})

const luna = () =>
  slot('0', 'Luna 7', {
    reason: [t`firmware ${'7.9.1'}`, t('PIN set, unlocked'), t('keys made inside, never extractable')].join(' · '),
    criteria: but({
      name: t('probe'),
      state: 'met',
      weight: 'told',
      finding: t`it made, signed and verified ${'ML-DSA-87'}`,
    }),
    probes: [
      {
        algorithm: 'ML-DSA-87',
        at: day('2026-11-12'),
        steps: [
          { step: 'generate', ok: true, ms: 143 },
          { step: 'sign', ok: true, ms: 9.2 },
          { step: 'verify', ok: true, ms: 1.6 },
          { step: 'destroy', ok: true, ms: 4.1 },
        ],
      },
    ],
    quirks: [t('ML-DSA came with firmware 7.9: a Luna with older firmware shows as classical only.')],
    keys: [
      key('mcp-identity-key', {
        life: {
          state: 'active',
          planned: day('2026-11-03'),
          active: day('2026-11-12'),
          retiring: day('2027-11-12'),
          retired: day('2027-12-12'),
          successor: 'mcp-identity-key-2',
        },
      }),
      key('mcp-identity-key-2', {
        life: { state: 'planned', planned: day('2026-11-12') },
        actions: ['destroy', 'copyJwk'],
      }),
      key('mcp-identity-2025', {
        algorithm: 'ML-DSA-65',
        publicKeyBytes: 1952,
        selectable: false,
        life: {
          state: 'retired',
          planned: day('2025-01-02'),
          active: day('2025-01-02'),
          retiring: day('2026-10-02'),
          retired: day('2026-11-02'),
          successor: 'mcp-identity-key',
        },
        actions: ['revoke', 'destroy', 'copyJwk', 'copyPem', 'copyWords'],
      }),
    ],
  })

const locked = (): PanelHsmSlot['criteria'] =>
  but({
    name: t('not locked'),
    state: 'not met',
    weight: 'needed',
    finding: t('PIN locked: only its security officer can set a new one'),
  })

export function hsm(scene: string): PanelHsm {
  if (scene === 'first') return { state: 'loading', modules: [] }
  const module = (
    name: string,
    detail: string,
    slots: PanelHsmSlot[],
    change: Partial<PanelHsmModule> = {},
  ): PanelHsmModule => ({
    ref: `module ${name}`,
    kind: 'module',
    name,
    detail,
    path: `/usr/lib/${detail.split(' ')[0] ?? ''}`,
    manufacturer: name,
    description: 'Cryptoki library',
    cryptoki: '3.2',
    state: 'loaded',
    answersIn: 1.4,
    slots,
    ...change,
  })
  return {
    state: 'ready',
    modules: [
      module('Thales Luna', 'libCryptoki2_64.so 10.9', [luna()]),
      module('NSS', 'libsoftokn3.so 3.131', [
        slot('1', 'NSS softoken', {
          readiness: 'usable',
          reason: t`${'NSS'} is software: custody is software`,
          quirks: [t('It never locks on wrong PINs, and does not claim that keys are made inside.')],
          keys: [key('bench-key', { custody: 'software' })],
        }),
      ]),
      module('openCryptoki', 'libopencryptoki.so 3.27', [
        slot('1', 'soft1', {
          pin: 'last try',
          listed: false,
          reason: t('one more wrong PIN locks it'),
          actions: ['unlock', 'createKey', 'probe', 'changePin', 'resetPin', 'initialise'],
        }),
        slot('2', 'soft2', {
          readiness: 'not ready',
          pin: 'locked',
          listed: false,
          criteria: locked(),
          reason: t('PIN locked: only its security officer can set a new one'),
          actions: ['resetPin', 'initialise'],
        }),
        slot('3', undefined, {
          token: { label: '', initialised: false, keypad: false, flags: [t('not initialised'), t('no user PIN set')] },
          readiness: 'not ready',
          pin: 'not set',
          listed: false,
          reason: t('the token is not initialised'),
          actions: ['initialise'],
        }),
        empty('4'),
      ]),
      module('SoftHSM', 'libsofthsm2.so 2.6.1', [
        slot('0', 'SoftHSM 2.6', {
          can: [{ label: t('classical only'), no: true }],
          readiness: 'not ready',
          criteria: but({
            name: t('ML-DSA-87'),
            state: 'not met',
            weight: 'needed',
            finding: classical(),
          }),
          reason: classical(),
          actions: ['lock', 'changePin', 'resetPin', 'initialise'],
        }),
      ]),
      module('Vendor X', 'libvendorx.so', [
        slot('7', 'Mystery 1', {
          readiness: 'usable',
          reason: t('does not claim that keys are made inside: custody would be unknown'),
          keys: [
            key('old-key', {
              custody: 'unknown',
              custodyReason: t('the module does not claim that the key was made inside'),
            }),
            key('card-key', {
              notReady: t('it asks for the PIN at every signature (CKA_ALWAYS_AUTHENTICATE)'),
              selectable: false,
              actions: ['destroy', 'copyJwk', 'copyPem', 'copyWords'],
            }),
          ],
        }),
      ]),
      {
        ref: 'module fast',
        kind: 'module',
        name: 'cknfast.so',
        state: 'failed',
        path: '/opt/nfast/lib/cknfast.so',
        reason: t`${'cknfast.so'} is built for ${'arm64'}; here a module has to be for ${'x64'}. Install the one that its maker has for this system.`,
        slots: [],
      },
      {
        ref: 'vault module',
        kind: 'vault',
        name: t('Vault'),
        state: 'loaded',
        slots: [
          slot('0', 'Vault', {
            readiness: 'usable',
            reason: t('a file of the editor, not hardware'),
            pin: 'none',
            can: [{ label: 'ML-DSA-87' }, { label: 'ML-DSA-65' }],
            actions: [],
            keys: [
              key('vault-key', {
                custody: 'software',
                custodyReason: t('the vault keeps its keys in a file'),
                attributes: [],
              }),
            ],
          }),
        ],
      },
    ],
  }
}
