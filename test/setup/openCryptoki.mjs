// @ts-check
import { spawn } from 'node:child_process'
import { chmod, chown, mkdir, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { cached, reportToStderr } from './cache.mjs'
import { isDebian } from './debian.mjs'
import { forky } from './forky.mjs'
import { run } from './run.mjs'

/** @typedef {import('./cache.mjs').Report} Report */

const RECIPE = 'forky-1'
const SLOTS = [1, 2, 3]
/** Of the daemon and of those who may speak to it; they exist in the root below only. */
const DAEMON = 64_901
/** Where the key process, its native addon and its Node appear in the root. */
const NODE = 'mnt/node'
const BUNDLE = 'mnt/keys'
const ADDON = 'mnt/node_modules/pkcs11js'

/**
 * openCryptoki and the newer C library that it needs, unpacked side by side: a root for chroot in which no package was
 * configured and no script of a package ran.
 *
 * @param {{ report?: Report }} [options]
 * @returns {Promise<{ root: string, module: string }>} the path of the module is one in the root
 */
export async function openCryptoki({ report = reportToStderr } = {}) {
  if (!isDebian()) throw new Error('The openCryptoki test token needs Debian packages: this is no Debian.')
  if (process.getuid?.() !== 0) {
    throw new Error(
      'The openCryptoki test token runs with a daemon in a root of its own. Run the tests as root for it.',
    )
  }
  await run('unshare', ['--mount', '--ipc', '--pid', '--fork', 'true']).catch(() => {
    throw new Error(
      'The openCryptoki test token needs namespaces of its own, and this machine or container allows none.',
    )
  })
  const root = await cached({ thing: 'openCryptoki', version: RECIPE, report }, build)
  const triplet = (await readdir(path.join(root, 'usr/lib'))).find((name) => name.endsWith('-linux-gnu'))
  return { root, module: `/usr/lib/${triplet}/pkcs11/libopencryptoki.so` }
}

/** @param {string} root */
async function build(root) {
  const { apt, aptGet } = await forky(root)
  await aptGet('install', '-qq', '-y', '--download-only', 'opencryptoki', 'libstdc++6')
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(path.join(root, 'usr', name), { recursive: true })
    await symlink(`usr/${name}`, path.join(root, name))
  }
  const archives = path.join(apt, 'cache/archives')
  const packages = (await readdir(archives)).filter((name) => name.endsWith('.deb')).sort()
  for (const name of packages) {
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink'
    await run('sh', ['-ec', unpack, 'unpack', path.join(archives, name), root])
  }
  await writeFile(path.join(root, 'packages'), `${packages.join('\n')}\n`)
  await rm(apt, { recursive: true })
  // Mount points: nothing is ever mounted on them but in the namespace of a test.
  for (const name of ['dev', 'proc', 'run', 'tmp', 'var/lib', 'var/log', 'var/lock', BUNDLE, ADDON]) {
    await mkdir(path.join(root, name), { recursive: true })
  }
  await writeFile(path.join(root, NODE), '')
  await configure(path.join(root, 'etc'))
}

/** What the packages' scripts would have done, and three slots. @param {string} etc */
async function configure(etc) {
  await writeFile(
    path.join(etc, 'passwd'),
    `root:x:0:0:root:/:/usr/sbin/nologin\npkcsslotd:x:${DAEMON}:${DAEMON}::/:/usr/sbin/nologin\n`,
  )
  await writeFile(path.join(etc, 'group'), `root:x:0:\npkcs11:x:${DAEMON}:root\n`)
  const slots = SLOTS.map((slot) =>
    // Without tokversion the token keeps its objects in the old format, which knows no ML-DSA.
    [`slot ${slot}`, '{', 'stdll = libpkcs11_sw.so', `tokname = soft${slot}`, 'tokversion = 3.12', '}', ''].join('\n'),
  )
  await writeFile(path.join(etc, 'opencryptoki/opencryptoki.conf'), `version opencryptoki-3.27\n${slots.join('')}`)
  // C_Initialize refuses a policy that does not belong to the group.
  const policy = path.join(etc, 'opencryptoki/strength.conf')
  await chown(policy, 0, DAEMON)
  await chmod(policy, 0o640)
}

/**
 * Process 1 of the namespaces: with it everything ends that was started or mounted in them, however it ends. Tokens and
 * sockets are in memory. It takes orders on standard input and ends with it.
 */
const INIT = `
root=$1 node=$2 bundle=$3 addon=$4 daemon=$5
read -r pid rest < /proc/self/stat
mount -t tmpfs none "$root/dev"
mkdir -m 1777 "$root/dev/shm"
for name in null urandom; do : > "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
mount --rbind /proc "$root/proc"
for name in run tmp var/lib var/log var/lock; do mount -t tmpfs none "$root/$name"; done
mount --bind "$node" "$root/${NODE}"
mount --bind "$bundle" "$root/${BUNDLE}"
mount --bind "$addon" "$root/${ADDON}"
for name in var/lib var/log var/lock run; do install -d -m 770 -g "$daemon" "$root/$name/opencryptoki"; done
install -d -m 770 -g "$daemon" "$root/var/lib/opencryptoki/HSM_MK_CHANGE"
chown "$daemon" "$root/run/opencryptoki"
run=$root/run/opencryptoki
start() {
  rm -f "$run/pkcsslotd.pid"
  chroot "$root" /usr/sbin/pkcsslotd -f > /dev/null 2>&1 &
  for try in $(seq 100); do
    if [ -s "$run/pkcsslotd.pid" ] && [ -S "$run/pkcsslotd.socket" ]; then break; fi
    sleep 0.1
  done
}
start
echo "$pid"
while read -r order; do
  case $order in
    kill) kill -9 "$(cat "$run/pkcsslotd.pid")"; rm -f "$run"/*.socket;;
    start) start;;
  esac
  echo done
done
`

/**
 * Starts the daemon with three tokens that nobody has initialised, and a way for a key process to run beside it.
 *
 * @param {{ keyProcess: string, node?: string }} what the bundle of the key process, and the Node that runs it
 * @returns {Promise<import('./openCryptoki.d.mts').OpenCryptoki>}
 */
export async function startOpenCryptoki({ keyProcess, node = process.execPath }) {
  const { root, module } = await openCryptoki()
  const addon = await realpath(fileURLToPath(new URL('../../node_modules/pkcs11js', import.meta.url)))
  const folder = path.dirname(keyProcess)
  const child = spawn(
    'setpriv',
    // Ends when this process does, and ends process 1 then.
    [
      '--pdeathsig',
      'KILL',
      'unshare',
      '--mount',
      '--ipc',
      '--pid',
      '--fork',
      '--kill-child=KILL',
      'sh',
      '-ec',
      INIT,
    ].concat(['init', root, await realpath(node), folder, addon, String(DAEMON)]),
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error('The namespaces of openCryptoki have ended.')
    return value
  }
  /** @param {string} text */
  const order = async (text) => {
    child.stdin.write(`${text}\n`)
    await line()
  }
  const keyProcessPath = `${keyProcess}.openCryptoki.cjs`
  // The mounts are seen by those who enter first and change their root afterwards.
  const first = await line()
  const enter = ['--target', first, '--mount', '--ipc', 'chroot', root]
  await writeFile(keyProcessPath, launcher([...enter, `/${NODE}`, `/${BUNDLE}/${path.basename(keyProcess)}`]))
  return {
    module,
    keyProcessPath,
    pid: Number(first),
    killDaemon: () => order('kill'),
    startDaemon: () => order('start'),
    script: (source, input) => run('nsenter', [...enter, `/${NODE}`, '-e', source, JSON.stringify(input)]),
    stop: async () => {
      child.stdin.end()
      await ended
    },
  }
}

/**
 * A script to be forked in place of the bundle: enters the namespaces and the root and becomes the bundle there, with the
 * same IPC channel. CommonJS, because that runs before the event loop does: not a byte of the channel is read here.
 *
 * @param {readonly string[]} enter
 */
function launcher(enter) {
  const command = JSON.stringify(['--pdeathsig', 'KILL', 'nsenter', ...enter])
  return `const { spawnSync } = require('node:child_process')
const env = { ...process.env, NODE_CHANNEL_FD: '3', NODE_CHANNEL_SERIALIZATION_MODE: 'advanced' }
const { status, signal } = spawnSync('setpriv', ${command}, { stdio: ['ignore', 'ignore', 'ignore', 3], env })
if (signal !== null) process.kill(process.pid, signal)
process.exit(status ?? 1)
`
}
