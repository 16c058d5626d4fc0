import type { PanelSeries } from '../../src/contracts/panelSession.ts'
import { s, type VNode } from '../dom/h.ts'

/** The line of a series in a box; a bucket without a value is a gap, not a nought. */
export function sparkPath(values: readonly (number | null)[], width: number, height: number): string {
  const most = Math.max(...values.map((value) => value ?? 0), Number.MIN_VALUE)
  const step = values.length > 1 ? width / (values.length - 1) : 0
  let path = ''
  let pen = false
  values.forEach((value, index) => {
    if (value === null) {
      pen = false
      return
    }
    const y = height - 1 - (value / most) * (height - 3)
    path += `${pen ? 'L' : 'M'}${(index * step).toFixed(1)} ${y.toFixed(1)}`
    pen = true
  })
  return path
}

/** A drawing beside its figure, which says the same in words. */
export function spark(series: PanelSeries, width: number, height: number): VNode {
  const base = `M0 ${height - 0.5}H${width}`
  return s(
    'svg',
    {
      class: 'spark',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      'aria-hidden': true,
    },
    s('path', { class: 'base', d: base }),
    s('path', { d: sparkPath(series.values, width, height) }),
  )
}
