/** Numbers in paths and queries. */
import { RejectedInput } from '@tidemark/canonical';

/** @throws RejectedInput `http.parameter` */
export function numberIn(text: string, name: string): number {
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  throw new RejectedInput('http.parameter', `${name} is a whole number`);
}
