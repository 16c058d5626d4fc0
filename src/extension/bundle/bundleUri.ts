import { basename, dirname } from 'node:path'
import { RelativePattern, Uri, workspace } from 'vscode'
import { type Disposable, DisposableStore } from '../../support/disposable.ts'
import { CountersignError } from '../../support/errors.ts'
import { t } from '../../support/l10n.ts'
import { bundleFile } from './bundleFile.ts'
import type { BundleSource } from './verifyBundle.ts'

/** Of a file that is not on this machine's disk: the editor hands it over in one piece. */
const MOST_ELSEWHERE = 64 * 1024 * 1024

/** Tells of every change of the file, also that it came or went. */
export function watchBundle(uri: Uri, changed: () => void): Disposable {
  const owned = new DisposableStore()
  const folder = uri.scheme === 'file' ? Uri.file(dirname(uri.fsPath)) : Uri.joinPath(uri, '..')
  const watcher = owned.add(workspace.createFileSystemWatcher(new RelativePattern(folder, '*')))
  const ours = (file: Uri) => {
    if (basename(file.path) === basename(uri.path)) changed()
  }
  for (const event of [watcher.onDidChange, watcher.onDidCreate, watcher.onDidDelete]) owned.add(event(ours))
  return owned
}

/** @throws CountersignError `file-unreadable`, `limit` */
export async function bundleSource(uri: Uri, signal: AbortSignal): Promise<BundleSource> {
  try {
    if (uri.scheme === 'file') return await bundleFile(uri.fsPath, signal)
    const { size } = await workspace.fs.stat(uri)
    if (size > MOST_ELSEWHERE) throw new CountersignError('limit', TOO_BIG)
    return { name: basename(uri.path), bytes: size, input: once(await workspace.fs.readFile(uri)) }
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause
    const sentence = t('This file cannot be read: it was moved, deleted, or you may not read it.')
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const TOO_BIG = t(
  'This bundle is not on the disk of this machine, and too big to be fetched in one piece. Copy it here, or say countersign verify where it is.',
)
