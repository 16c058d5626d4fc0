import { drive } from '../stats.ts'
import { gatewayClient, type Handshake, startGateway } from './ours.ts'
import { createEnd, startServer, tlsClient, type TlsEnd } from './tls.ts'

/** One end of handshakes, in a process of its own: what the other end computes must not wait for this one. */
export type Ask =
  | { readonly ask: 'gateway'; readonly folder: string; readonly keyProcess: string }
  | { readonly ask: 'client'; readonly folder: string; readonly keyProcess: string; readonly url: string }
  | { readonly ask: 'certificate' }
  | { readonly ask: 'tls-server'; readonly peer: string }
  | { readonly ask: 'tls-client'; readonly peer: string; readonly port: number }
  | { readonly ask: 'run'; readonly count: number; readonly inFlight: number }
  | { readonly ask: 'keep'; readonly count: number; readonly inFlight: number }

let handshake: Handshake | undefined
let end: TlsEnd | undefined

process.on('message', (asked: Ask) => {
  answer(asked).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

async function answer(asked: Ask): Promise<unknown> {
  switch (asked.ask) {
    case 'gateway':
      return await startGateway(asked.folder, asked.keyProcess)
    case 'client':
      handshake = await gatewayClient(asked.folder, asked.keyProcess, asked.url)
      return true
    case 'certificate':
      end = createEnd('bench')
      return end.cert
    case 'tls-server':
      if (end === undefined) throw new Error('ask for a certificate first')
      return await startServer(end, asked.peer)
    case 'tls-client':
      if (end === undefined) throw new Error('ask for a certificate first')
      handshake = tlsClient(end, asked.peer, asked.port)
      return true
    case 'run':
    case 'keep':
      break
  }
  const { close, ...measured } = await open(asked.count, asked.inFlight)
  if (asked.ask === 'run') await close()
  return measured
}

interface Opened {
  readonly latencies: readonly number[]
  readonly perSecond: number
  /** Not before all is measured: how a connection ends is not what is compared. */
  readonly close: () => Promise<void>
}

async function open(count: number, inFlight: number): Promise<Opened> {
  const opened: (() => Promise<void>)[] = []
  const { latencies, perSecond } = await drive(count, inFlight, async () => {
    if (handshake === undefined) throw new Error('this is no client')
    opened.push(await handshake())
  })
  return { latencies, perSecond, close: async () => void (await Promise.all(opened.map((close) => close()))) }
}
