import type { SlotFacts } from '../../../contracts/keyFacts.ts'
import type { Handlers, Params, Result } from '../../../contracts/keyProcess.ts'
import { CountersignError } from '../../../support/errors.ts'
import type { Holder } from '../holder.ts'
import type { KeyTable } from '../keyTable.ts'
import { slotFacts } from './facts.ts'
import { Glance } from './glance.ts'
import { loadLibrary } from './library.ts'
import { LoadedModule, type ModuleHolds } from './loaded.ts'
import { Pins } from './pins.ts'
import { probe } from './probe.ts'
import { listSlots } from './slots.ts'
import { watchParent } from './watchdog.ts'

interface Parts {
  readonly loaded: LoadedModule
  readonly pins: Pins
  readonly glance: Glance
}

/** Holds one PKCS#11 module for the life of the process. */
export class TokenHolder implements Holder {
  private readonly holds: ModuleHolds
  private readonly keys: KeyTable
  private parts: Parts | undefined

  constructor(holds: ModuleHolds, keys: KeyTable) {
    this.holds = holds
    this.keys = keys
  }

  readonly handlers: Partial<Handlers> = {
    inventory: () => this.inventory(),
    glance: () => this.there.glance.look(),
    login: (params) => this.there.pins.login(params),
    logout: (params) => this.there.pins.logout(params),
    changePin: (params) => this.there.pins.change(params),
    resetPin: (params) => this.there.pins.reset(params),
    initToken: (params) => this.there.pins.initToken(params),
    open: ({ where, label }) => this.there.loaded.tokenAt(where).open(label, this.keys),
    generate: ({ where, ...key }) =>
      this.changing((loaded) => this.keys.shared(() => loaded.tokenAt(where).generate(key, this.keys))),
    destroy: (params) => this.changing((loaded) => this.destroy(loaded, params)),
    probe: (params) => this.probe(params),
    sign: ({ handle, input, behind }) => this.keys.sign(handle, input, behind),
  }

  start(): Result<'start'> {
    // Before the module is loaded: from here on native code decides how long a call takes.
    watchParent()
    const library = loadLibrary(this.holds)
    // What the user says lowers a custody and never raises one.
    const facts = this.holds.software === true ? { ...library.facts, software: true } : library.facts
    const loaded = new LoadedModule({ ...library, facts }, this.holds, this.keys)
    this.parts = { loaded, pins: new Pins(loaded), glance: new Glance(loaded) }
    return { module: facts }
  }

  dispose(): void {
    this.parts?.loaded.dispose()
  }

  private get there(): Parts {
    if (this.parts === undefined) throw new CountersignError('module-load', 'The PKCS#11 module is not loaded.')
    return this.parts
  }

  private async inventory(): Promise<Result<'inventory'>> {
    const { loaded } = this.there
    const slots: SlotFacts[] = []
    for (const slot of listSlots(loaded.module)) slots.push(await slotFacts(loaded, slot))
    return { module: loaded.library.facts, slots }
  }

  /** Also where it fails: half of a change is a change. */
  private async changing<T>(work: (loaded: LoadedModule) => Promise<T>): Promise<T> {
    const { loaded } = this.there
    try {
      return await work(loaded)
    } finally {
      loaded.changed()
    }
  }

  private async destroy(
    loaded: LoadedModule,
    { where, label, publicKey }: Params<'destroy'>,
  ): Promise<Result<'destroy'>> {
    const { slot } = loaded.find(where)
    const isIt = (key: { readonly slot?: number; readonly publicKey: Uint8Array }) =>
      key.slot === slot.id && Buffer.compare(key.publicKey, publicKey) === 0
    return this.keys.alone(async () => {
      const objects = await loaded.token(slot).destroy(label, publicKey)
      this.keys.close(isIt)
      return { objects }
    })
  }

  private async probe({ where, algorithm }: Params<'probe'>): Promise<Result<'probe'>> {
    const { loaded } = this.there
    const { slot } = loaded.find(where)
    const ids = loaded.token(slot).usable(algorithm)
    return this.keys.shared(() =>
      loaded.pool(slot).useReadWrite((session) => probe(loaded.library, session, ids, algorithm)),
    )
  }
}
