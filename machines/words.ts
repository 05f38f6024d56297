/** What the words of every machine have in common. */

/** An event or a command: a type, and at most one field with a closed list of values. */
export interface Message {
  readonly type: string;
}

/** The words of a machine. The place of an event, or of a command, is its code. */
export interface Alphabet<E extends Message = Message, C extends Message = Message> {
  readonly events: readonly E[];
  readonly commands: readonly C[];
}

/** The one text of an event or a command: its type, then its field where it has one. */
export function textOf(message: Message): string {
  for (const [field, value] of Object.entries(message)) {
    if (field !== 'type') return `${message.type}(${String(value)})`;
  }
  return message.type;
}
