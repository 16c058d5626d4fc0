import { locale, t } from '../../src/support/l10n.ts'

/** Figures and times. What was not measured is an en dash, never a nought. */
export const NOTHING = '–'

// English has its dates in the order in which most of its readers outside one country have them.
const tag = locale() ?? 'en'
const dates = tag === 'en' ? 'en-GB' : tag
const whole = new Intl.NumberFormat(tag)
const tenths = new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const hundredths = new Intl.NumberFormat(tag, { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const time = new Intl.DateTimeFormat(dates, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
const date = new Intl.DateTimeFormat(dates, { dateStyle: 'medium' })
/** A figure stays with its unit, and a day with its month. */
const together = (text: string): string => text.replaceAll(' ', '\u00a0')

export const number = (n: number | undefined): string => (n === undefined ? NOTHING : whole.format(n))
export const bytes = (n: number): string => together(`${whole.format(n)} B`)
export const clock = (at: number): string => time.format(at)
export const clockMs = (at: number): string => `${time.format(at)}.${String(Math.floor(at % 1000)).padStart(3, '0')}`
export const day = (at: number): string => together(date.format(at))

/** Short enough for a column: 412 B, 2.9 KB, 1.2 MB. */
export function size(n: number): string {
  if (n < 1000) return `${n} B`
  if (n < 1_000_000) return `${tenths.format(n / 1000)} KB`
  return `${tenths.format(n / 1_000_000)} MB`
}

/** 0.94, 9.8, 124: three digits are as many as a reader can use. */
export function figure(n: number | undefined): string {
  if (n === undefined) return NOTHING
  if (n >= 100) return whole.format(Math.round(n))
  return (n < 1 && n > 0 ? hundredths : tenths).format(n)
}

export const milliseconds = (n: number | undefined): string => (n === undefined ? NOTHING : together(`${figure(n)} ms`))

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return t`${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return t`${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? t`${hours} h ${minutes % 60} min` : t`${Math.floor(hours / 24)} days`
}

/** q7Xk…V2rA: enough to tell two apart at a glance; the whole one is in the title. */
export const short = (text: string, ends = 4): string =>
  text.length <= ends * 2 + 1 ? text : `${text.slice(0, ends)}…${text.slice(-ends)}`
