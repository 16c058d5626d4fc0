import type { PanelMeasures } from '../../src/contracts/panelSession.ts'
import { h, type VNode } from '../dom/h.ts'
import { spark } from '../pieces/spark.ts'
import { strings } from '../strings.ts'
import { figure, milliseconds } from '../text/format.ts'

const WIDTH = 44
const HEIGHT = 14

/** Rate, latency and batch size over the last five minutes: each a line and its figure, which says the same. */
export function measuresView({ rate, added, batch }: PanelMeasures): VNode {
  const t = strings.contexts.measures
  return h(
    'span',
    { class: 'meas' },
    one(t.rate, rate, `${figure(rate.now)}/s`),
    one(t.added, added, milliseconds(added.now)),
    one(t.batch, batch, `n=${figure(batch.now)}`),
  )
}

function one(title: string, series: PanelMeasures['rate'], text: string): VNode {
  return h(
    'span',
    { class: 'mea', role: 'img', 'aria-label': `${title}: ${text}`, title },
    spark(series, WIDTH, HEIGHT),
    h('span', { 'aria-hidden': true }, text),
  )
}
