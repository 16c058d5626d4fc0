import { writeFileSync } from 'node:fs'
import type { Measured, Ratio, Table } from './measured.ts'

/** Everything as text: tables, what was skipped, and last the ratios with their goals. */
export function asText(parts: readonly Measured[]): string {
  const tables = parts.flatMap(({ tables }) => tables.map(tableText))
  const skipped = parts.flatMap(({ skipped }) => skipped.map((reason) => `SKIPPED  ${reason}\n`)).join('')
  const ratios = Object.entries(allRatios(parts))
  const width = Math.max(0, ...ratios.map(([name]) => name.length))
  const lines = ratios.map(([name, { value, goal, holds }]) => {
    return `${name.padEnd(width)}  ${shown(value).padStart(8)}  goal ${goal.padEnd(7)}  ${holds ? 'HOLDS' : 'MISSED'}\n`
  })
  return [...tables, skipped, lines.join('')].filter((text) => text !== '').join('\n')
}

/** The same for machines: `figures` by "table: row: column", and `ratios`. */
export function writeJson(file: string, parts: readonly Measured[], rounds: number): void {
  const figures: Record<string, number> = {}
  for (const { title, columns, rows } of parts.flatMap(({ tables }) => tables)) {
    for (const { name, values } of rows) {
      for (const [index, value] of values.entries()) {
        if (value !== undefined) figures[`${title}: ${name}: ${columns[index] ?? ''}`] = value
      }
    }
  }
  const machine = { node: process.version, platform: `${process.platform}-${process.arch}` }
  const skipped = parts.flatMap((part) => part.skipped)
  const all = { at: new Date().toISOString(), machine, rounds, figures, ratios: allRatios(parts), skipped }
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`)
}

function allRatios(parts: readonly Measured[]): Record<string, Ratio> {
  return Object.fromEntries(parts.flatMap(({ ratios }) => Object.entries(ratios)))
}

function tableText({ title, columns, rows }: Table): string {
  const names = Math.max(title.length, ...rows.map(({ name }) => name.length))
  const widths = columns.map((column, index) => {
    return Math.max(column.length, ...rows.map(({ values }) => shown(values[index]).length))
  })
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(names)}  ${cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('  ')}\n`
  const body = rows.map(({ name, values }) =>
    line(
      name,
      columns.map((_column, index) => shown(values[index])),
    ),
  )
  return line(title, columns) + body.join('')
}

function shown(value: number | undefined): string {
  if (value === undefined) return '-'
  if (!Number.isFinite(value)) return '?'
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return value.toFixed(0)
  return value === 0 ? '0' : value.toPrecision(3)
}
