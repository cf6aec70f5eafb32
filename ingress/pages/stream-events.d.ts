// Stream events, from answerback/store/stream/events.py. Generated: python -m tests.stream_event_docs

/** A turn begins. It replaces an unfinished turn for any of the same messages. */
export interface TurnEvent {
  /** the id of the turn */
  turn: string;
  /** 1 for the first attempt */
  attempt?: number;
  /** the name of the agent that answers */
  agent?: string;
  /** the ids of the messages that the turn answers */
  events: string[];
  /** these messages: `id`, `text`, `author` */
  messages: TurnMessage[];
}

/** A message that a turn answers. */
export interface TurnMessage {
  id: string;
  text: string;
  author?: EventAuthor;
}

/** Text was written: the message is now `so_far[:at] + text`. */
export interface TextEvent {
  /** the id of the turn */
  turn: string;
  /** the id of the message */
  message: string;
  /** where the text belongs, in characters (Unicode code points) */
  at: number;
  /** the text from there on */
  text: string;
}

/** A tool is called. */
export interface ToolCallEvent {
  /** the id of the turn */
  turn: string;
  /** the id of the call */
  id: string;
  /** the name of the tool */
  name: string;
  /** its arguments */
  args?: unknown;
  /** the tool is declared public: visitors see its calls */
  public?: boolean;
}

/** A tool call ended. */
export interface ToolResultEvent {
  /** the id of the turn */
  turn: string;
  /** the id of the call */
  id: string;
  /** the name of the tool */
  name: string;
  /** its result, or the text of its error */
  result?: unknown;
  /** `unknown` if a worker died during the call, which may have had an effect */
  outcome?: "done" | "failed" | "unknown";
  /** the tool is declared public: visitors see its calls */
  public?: boolean;
}

/** The agent looked something up in its knowledge. */
export interface RetrievalEvent {
  /** the id of the turn */
  turn: string;
  /** the id of the retrieval, unique in its turn */
  id: string;
  /** what it looked for */
  query: string;
  /** what it got, the best match first: `source`, `text`, `score` */
  documents: Document[];
  /** the retrieval is declared public: visitors see it */
  public?: boolean;
}

/** A document, or a piece of one, that an agent may look up. */
export interface Document {
  source: string;
  text: string;
  score?: number;
}

/** The agent says what it is doing, until it says something else or writes. */
export interface ProgressEvent {
  /** the id of the turn */
  turn: string;
  /** a few words, or empty: that is over */
  text: string;
}

/** A message has buttons and menus, in place of those that it had. */
export interface ActionsEvent {
  /** the id of the turn */
  turn: string;
  /** the id of the message */
  message: string;
  /** they can be pressed once the turn is done */
  actions: StreamAction[];
}

/** A button or a menu below a message. */
export interface StreamAction {
  type: "button" | "select";
  /** what the agent calls it */
  name: string;
  /** its words; of a menu, while nothing is chosen */
  label: string;
  /** of a button */
  value?: string;
  style?: "" | "danger" | "primary";
  /** what a button opens instead */
  url?: string | null;
  /** of a menu */
  options?: StreamOption[];
}

/** An option of a menu. */
export interface StreamOption {
  label: string;
  value: string;
}

/** A reply of a platform's thread was posted, or failed permanently. */
export interface ReplyEvent {
  /** the id of the turn */
  turn: string;
  /** the key of the reply */
  message: string;
  state: "sent" | "failed";
  /** where it is, if the platform tells */
  url: string;
}

/** An attempt of the turn failed; another one follows. */
export interface RetryEvent {
  /** the id of the turn */
  turn: string;
  /** why it failed, as the reader may see it */
  reason: string;
  code?: "agent_failed" | "invalid_input" | "timeout" | "limit" | "unreachable";
  /** the attempt that failed */
  attempt?: number;
  /** seconds until the next attempt */
  seconds: number;
}

/** The turn ended without failing. */
export interface DoneEvent {
  /** the id of the turn */
  turn: string;
  /** the ids of the messages that the turn answers */
  events: string[];
  /** interrupted: another turn answers its messages; dropped: the agent is busy; ignored: no agent answers */
  status: "completed" | "cancelled" | "interrupted" | "dropped" | "ignored";
  /** the id of the last message of the answer, or empty */
  message: string;
  /** the ids of all messages of the answer */
  messages: string[];
  /** of language models, if any were used */
  usage?: Usage | null;
  /** why no agent answers, or empty */
  reason?: string;
}

/** The turn failed permanently and is a dead letter. */
export interface ErrorEvent {
  /** the id of the turn */
  turn: string;
  /** the ids of the messages that the turn answers */
  events: string[];
  /** why it failed, as the reader may see it */
  reason: string;
  code: "agent_failed" | "invalid_input" | "timeout" | "limit" | "unreachable";
}

/** The thread was deleted. This is its last event, and it is not stored. */
export interface GoneEvent {
  /** empty */
  turn: string;
  /** why the stream ends */
  reason: string;
}

/** Events after your id are no longer stored: read the thread, and follow it from its `after`. */
export interface ForgottenEvent {
  /** why the stream ends */
  reason: string;
}

/** The author of a message. */
export interface EventAuthor {
  id: string;
  name?: string;
  kind?: "app" | "bot" | "person";
}

/** The receipt of a stored message; it will be answered. */
export interface ReceiptView {
  thread: string;
  /** the id of the message and of the turn that answers it, as in logs, dead letters and webhook receipts */
  dispatch_id: string;
  /** the same: the message's `id` in its thread */
  id: string;
  status: "accepted" | "duplicate";
  /** the event id from which to follow the thread's stream to see the answer */
  after: string;
  /** why there was no answer within the wait, if that is known */
  reason?: string;
}

/** The model usage of a turn. */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  requests: number;
}

/** The data of each kind of event. */
export interface StreamEvents {
  accepted: ReceiptView;
  turn: TurnEvent;
  text: TextEvent;
  tool_call: ToolCallEvent;
  tool_result: ToolResultEvent;
  retrieval: RetrievalEvent;
  progress: ProgressEvent;
  actions: ActionsEvent;
  reply: ReplyEvent;
  retry: RetryEvent;
  done: DoneEvent;
  error: ErrorEvent;
  gone: GoneEvent;
  forgotten: ForgottenEvent;
}

/** An event of a stream: its kind decides the type of its data. */
export type StreamEvent = {
  [Kind in keyof StreamEvents]: { id: string; kind: Kind; data: StreamEvents[Kind] };
}[keyof StreamEvents];
