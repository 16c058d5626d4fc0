import { isAbsolute } from 'node:path'
import * as v from 'valibot'
import type { JournalKeep, JournalSegments } from './journalConfig.ts'
import type { SettingName, SettingProblem } from './settings.ts'
import { t } from '../support/l10n.ts'

/** What the `countersign.journal.*` settings mean. */
export interface JournalSettings {
  /** `encryptTo`: the absolute path of a public key's file. */
  readonly contexts: 'full' | 'digest' | { readonly encryptTo: string }
  readonly durability: 'written' | 'fsync'
  readonly segments: JournalSegments
  readonly keep: JournalKeep
}

/** One setting, or its default; what is wrong with it is noted elsewhere. */
type Read = <const T>(setting: SettingName, schema: v.GenericSchema<unknown, T>, fallback: T) => T

const file = v.pipe(
  v.string(t('must be the path of a file')),
  v.maxLength(4096, t('is too long')),
  // Relative to what, nobody could say: windows have folders of their own.
  v.check((path) => path === '' || isAbsolute(path), t('must be an absolute path')),
)

function number(least: number, most: number) {
  const must = t`must be a number from ${least} to ${most}`
  return v.pipe(v.number(must), v.minValue(least, must), v.maxValue(most, must))
}

export function parseJournalSettings(one: Read, problems: SettingProblem[]): JournalSettings {
  const kept = v.picklist(['full', 'digest', 'encrypted'], t('must be "full", "digest" or "encrypted"'))
  const contexts = one('countersign.journal.contexts', kept, 'full')
  const encryptTo = one('countersign.journal.encryptTo', file, '')
  const setting = 'countersign.journal.encryptTo'
  if (contexts === 'encrypted' && encryptTo === '') {
    // Not in the clear in its place: that is what the person asked not to happen.
    const sentence = t`${setting} must name the public key to which contexts are encrypted.`
    problems.push({ setting, sentence, blocking: true })
  }
  const megabytes = one('countersign.journal.keepMegabytes', number(0, 100_000_000), 10_240)
  const days = one('countersign.journal.keepDays', number(0, 36_600), 0)
  return {
    contexts: contexts === 'encrypted' ? { encryptTo } : contexts,
    durability: one('countersign.journal.durability', v.picklist(['written', 'fsync']), 'written'),
    segments: {
      megabytes: one('countersign.journal.segmentMegabytes', number(1, 4096), 64),
      hours: one('countersign.journal.segmentHours', number(0.01, 24 * 366), 24),
    },
    // 0: no limit.
    keep: { ...(megabytes > 0 && { megabytes }), ...(days > 0 && { days }) },
  }
}
