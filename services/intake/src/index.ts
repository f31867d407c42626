/** Intake: makes events durable and says where they stand. */

export { Intake } from './intake.ts';
export type { IntakeOptions, Receipt } from './intake.ts';
export { Unseen } from './unseen.ts';
