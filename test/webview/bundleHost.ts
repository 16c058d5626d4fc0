import { type BundleMessage, parseBundleIntent } from '../../src/contracts/bundleView.ts'
import { bundleReport } from './dataBundle.ts'

/** A stand-in for the host of the editor for bundles: it answers what the webview asks, with an invented bundle. */
export class FakeBundleHost {
  readonly asked: string[] = []
  private readonly post: (message: BundleMessage) => void
  private readonly scene: string

  constructor(post: (message: unknown) => void, scene: string) {
    this.post = post
    this.scene = scene
  }

  async receive(message: unknown): Promise<void> {
    const intent = parseBundleIntent(message)
    if (intent === undefined) return
    this.asked.push(intent.type === 'trust' ? `trust ${intent.kid}` : intent.type)
    this.post(said(this.scene))
  }

  dispose(): void {}
}

function said(scene: string): BundleMessage {
  if (scene === 'working') return { type: 'working', read: 31_400_000, bytes: 84_200_000 }
  if (scene === 'failed')
    return { type: 'failed', sentence: 'This file cannot be read: it was moved, deleted, or you may not read it.' }
  return { type: 'report', report: bundleReport(scene) }
}
