/**
 * Where installers put PKCS#11 modules. Data for an offer and nothing more: only whether a file exists is looked at, and
 * none is loaded before a person agreed to load exactly that file.
 */
interface Installed {
  /** As the profile of the same vendor is named. */
  readonly vendor: string
  readonly linux?: readonly string[]
  readonly darwin?: readonly string[]
  readonly win32?: readonly string[]
}

const DEBIAN = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib/s390x-linux-gnu']
const under = (folders: readonly string[], file: string) => folders.map((folder) => `${folder}/${file}`)

export const INSTALLED: readonly Installed[] = [
  {
    vendor: 'Thales Luna',
    linux: ['/usr/safenet/lunaclient/lib/libCryptoki2_64.so', '/usr/lib/libCryptoki2_64.so'],
    win32: ['C:\\Program Files\\SafeNet\\LunaClient\\cryptoki.dll'],
  },
  {
    vendor: 'Entrust nShield',
    linux: ['/opt/nfast/toolkits/pkcs11/libcknfast.so'],
    win32: ['C:\\Program Files\\nCipher\\nfast\\toolkits\\pkcs11\\cknfast.dll'],
  },
  {
    vendor: 'Utimaco',
    linux: under(['/usr/lib', '/opt/utimaco/lib', '/usr/lib/utimaco'], 'libcs_pkcs11_R3.so'),
    win32: ['C:\\Program Files\\Utimaco\\CryptoServer\\Lib\\cs_pkcs11_R3.dll'],
  },
  {
    vendor: 'AWS CloudHSM',
    linux: ['/opt/cloudhsm/lib/libcloudhsm_pkcs11.so'],
    win32: ['C:\\Program Files\\Amazon\\CloudHSM\\lib\\cloudhsm_pkcs11.dll'],
  },
  { vendor: 'Securosys Primus', linux: ['/usr/local/primus/lib/libprimusP11.so'] },
  {
    vendor: 'Fortanix',
    linux: ['/opt/fortanix/pkcs11/fortanix_pkcs11.so'],
    win32: ['C:\\Program Files\\Fortanix\\KmsClient\\FortanixKmsPkcs11.dll'],
  },
  {
    vendor: 'YubiHSM',
    linux: under([...under(DEBIAN, 'pkcs11'), '/usr/lib64/pkcs11', '/usr/lib/pkcs11'], 'yubihsm_pkcs11.so'),
    darwin: ['/usr/local/lib/pkcs11/yubihsm_pkcs11.dylib', '/opt/homebrew/lib/pkcs11/yubihsm_pkcs11.dylib'],
    win32: ['C:\\Program Files\\Yubico\\YubiHSM Shell\\bin\\pkcs11\\yubihsm_pkcs11.dll'],
  },
  {
    vendor: 'openCryptoki',
    linux: [
      ...under(DEBIAN, 'pkcs11/libopencryptoki.so'),
      ...under(['/usr/lib64/opencryptoki', '/usr/lib/opencryptoki', '/usr/lib/pkcs11'], 'libopencryptoki.so'),
    ],
  },
  {
    vendor: 'NSS',
    linux: under([...DEBIAN, '/usr/lib64', '/usr/lib'], 'libsoftokn3.so'),
    darwin: ['/opt/homebrew/lib/libsoftokn3.dylib', '/usr/local/lib/libsoftokn3.dylib'],
  },
  {
    vendor: 'SoftHSM',
    linux: under(
      [...under(DEBIAN, 'softhsm'), '/usr/lib64/pkcs11', '/usr/lib/softhsm', '/usr/local/lib/softhsm'],
      'libsofthsm2.so',
    ),
    darwin: ['/opt/homebrew/lib/softhsm/libsofthsm2.so', '/usr/local/lib/softhsm/libsofthsm2.so'],
    win32: ['C:\\SoftHSM2\\lib\\softhsm2-x64.dll'],
  },
  { vendor: 'Kryoptic', linux: under(['/usr/lib64/pkcs11', ...under(DEBIAN, 'pkcs11')], 'libkryoptic_pkcs11.so') },
  { vendor: 'wolfPKCS11', linux: ['/usr/local/lib/libwolfpkcs11.so'], darwin: ['/usr/local/lib/libwolfpkcs11.dylib'] },
]

export interface InstalledModule {
  readonly vendor: string
  readonly path: string
}

/** The modules of this machine that lie where their installers put them, hardware vendors first. */
export async function installedModules(
  platform: NodeJS.Platform,
  exists: (path: string) => Promise<boolean>,
): Promise<InstalledModule[]> {
  const known = INSTALLED.flatMap(({ vendor, ...paths }) => {
    const here = platform === 'linux' || platform === 'darwin' || platform === 'win32' ? (paths[platform] ?? []) : []
    return here.map((path) => ({ vendor, path }))
  })
  const there = await Promise.all(known.map(({ path }) => exists(path)))
  return known.filter((_, at) => there[at] === true)
}
