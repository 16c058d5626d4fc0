import type { Handlers, Holds, Result } from '../../contracts/keyProcess.ts'
import { KeyTable } from './keyTable.ts'
import { TokenHolder } from './pkcs11/tokenHolder.ts'
import { Vault } from './vault/vault.ts'

/** What this process holds: it answers the operations that make sense for it and no others. */
export interface Holder {
  readonly handlers: Partial<Handlers>
  start(): Promise<Result<'start'>> | Result<'start'>
  dispose(): void
}

export function createHolder(holds: Holds): Holder {
  const keys = new KeyTable()
  return holds.kind === 'module' ? new TokenHolder(holds, keys) : vaultHolder(keys)
}

function vaultHolder(keys: KeyTable): Holder {
  const vault = new Vault(keys)
  return {
    handlers: {
      inspectVault: (params) => vault.inspect(params),
      openVault: (params) => vault.open(params),
      createVault: (params) => vault.create(params),
      destroyVaultKey: (params) => vault.destroy(params),
      sign: ({ handle, input, behind }) => keys.sign(handle, input, behind),
    },
    start: () => ({ module: null }),
    dispose: () => keys.close(),
  }
}
