/** The receipts of orders that this tab placed. They hold tokens: in memory alone. */
import type { Receipt } from "../types.ts";

export interface Kept {
  receipt: Receipt;
  /** When the answer was in, in the browser's time. */
  at: number;
}

const KEPT = 20;
const receipts = new Map<string, Kept>();

export function keep(receipt: Receipt): void {
  receipts.set(receipt.id, { receipt, at: Date.now() });
  for (const oldest of [...receipts.keys()].slice(0, Math.max(0, receipts.size - KEPT))) receipts.delete(oldest);
}

export const receiptOf = (id: string): Kept | undefined => receipts.get(id);
