// Responses of the API, from its OpenAPI document. Generated: python -m tests.api_types

export interface AccountList {
  accounts: AccountView[];
}

export interface AccountView {
  platform: string;
  id: string;
  name: string;
  identity: string | null;
  state: "installed" | "suspended" | "uninstalled";
  since: number;
  expires: number | null;
  scopes: string[];
  error: string;
}

export interface ActionInfo {
  type: "button" | "select";
  name: string;
  label: string;
  value: string;
  style: "" | "primary" | "danger";
  url: string | null;
  options: Option[];
}

export interface AgentList {
  agents: AgentView[];
}

export interface AgentTemplateList {
  templates: AgentTemplateView[];
}

export interface AgentTemplateView {
  id: string;
  description: string;
  lifecycle: string;
  supportsChat: boolean;
  state: "stopped" | "starting" | "running" | "broken";
  detail: string;
}

export interface AgentView {
  id: string;
  name: string;
  description: string;
  lifecycle: string;
  supportsChat: boolean;
  unavailable: string | null;
  arrival: "" | "queue" | "merge" | "debounce" | "interrupt" | "drop";
  url: string | null;
  hasBearerToken: boolean | null;
  inputSchema: Record<string, unknown> | null;
  outputSchema: Record<string, unknown> | null;
  reachability: ReachabilityView | null;
  leaseExpiresAt: string | null;
  workers: number;
  turnsRunning: number;
  latencyP50: number | null;
}

export interface AnswerView {
  thread: string;
  dispatch_id: string;
  id: string;
  turn: string;
  status: "completed" | "cancelled" | "ignored";
  message: MessageView | null;
  messages: MessageView[];
  reason?: string;
}

export interface AttachmentInfo {
  name: string;
  content_type: string;
  size: number;
  file: string | null;
  text?: string | null;
}

export interface Author {
  id: string;
  name?: string;
}

export interface DeadLetterDetail {
  dead_letter: DeadLetterSummary;
  content: string;
  author: Author | null;
  error: string;
  traceback: string;
  done: string[];
  unknown: string[];
}

export interface DeadLetterPage {
  dead_letters: DeadLetterSummary[];
  next_cursor: string | null;
  total: number;
  all: number;
  complete: boolean;
  newest: string | null;
  reasons: ReasonCount[];
}

export interface DeadLetterSummary {
  id: string;
  kind: "event" | "reply";
  thread: string;
  reason: string;
  attempts: number;
  agent: string;
  failed_at: string;
}

export interface Document {
  source: string;
  text: string;
  score?: number;
}

export interface Failure {
  code: string;
  reason: string;
  turn: string;
}

export interface FlowPlace {
  agent: string;
  node: string;
  name: string;
  left: number;
  top: number;
}

export interface InvalidField {
  where: "body" | "query" | "header";
  at: string;
  detail: string;
}

export interface MessagePage {
  messages: MessageView[];
  next_cursor: string | null;
}

export interface MessageView {
  id: string;
  role: "user" | "assistant";
  content: string;
  created_at: string;
  turn: string;
  author: Author | null;
  agent: string | null;
  status: "completed" | "waiting" | "cancelled" | "interrupted" | "dropped" | "failed";
  error: Failure | null;
  input?: unknown;
  output?: unknown;
  tool_calls: ToolCall[];
  retrievals: Retrieval[];
  attachments: AttachmentInfo[];
  actions: ActionInfo[];
  usage: Usage | null;
}

export interface OpenedSession {
  id: string;
  agentId: string | null;
  status: "open" | "ended";
  state: "idle" | "waiting" | "running" | "retrying";
  created_at: string;
  updated_at: string;
  token: string | null;
}

export interface OperationResult {
  done: boolean;
}

export interface Option {
  label: string;
  value: string;
}

export interface Overview {
  waiting: number;
  in_flight: number;
  oldest: number;
  retrying: number;
  waiting_for_resume: number;
  unsent: number;
  dead: number;
  threads: number;
  accepted: number;
  handled: number;
  paused: Paused[];
  workers: Worker[];
}

export interface Paused {
  scope: string;
  by: string;
  at: number;
  reason: string;
}

export interface PlatformView {
  name: string;
  title: string;
  markdown: boolean;
}

export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: InvalidField[];
  turn?: string;
  code?: string;
  request_id?: string;
}

export interface ReachabilityView {
  state: "unknown" | "reachable" | "unreachable" | "gone";
  checkedAt: string | null;
  lastSeen: string | null;
  lastError: string | null;
}

export interface ReasonCount {
  reason: string;
  count: number;
}

export interface ReceiptView {
  thread: string;
  dispatch_id: string;
  id: string;
  status: "accepted" | "duplicate";
  after: string;
  reason?: string;
}

export interface ReplyView {
  key: string;
  kind: "message" | "edit" | "delete" | "reaction" | "review" | "check" | "form";
  what: string;
  message: string | null;
  state: "pending" | "streaming" | "sending" | "sent" | "failed";
  attempts: number;
  first_sent_at: string | null;
  url: string | null;
  error: string;
}

export interface Result {
  done: number;
  failed: number;
  reason: string;
  next_cursor: string | null;
}

export interface Retrieval {
  id: string;
  query: string;
  documents: Document[];
}

export interface Session {
  workspace: string;
  csrf: string;
  platforms: PlatformView[];
}

export interface SessionView {
  id: string;
  agentId: string | null;
  status: "open" | "ended";
  state: "idle" | "waiting" | "running" | "retrying";
  created_at: string;
  updated_at: string;
}

export interface StepView {
  name: string;
  state: "begun" | "done" | "failed" | "unknown";
  started_at: string | null;
  duration: number;
  error: string;
  result: string;
}

export interface ThreadPage {
  threads: ThreadSummary[];
  next_cursor: string | null;
}

export interface ThreadSummary {
  id: string;
  platform: string;
  user_id: string | null;
  agent: string | null;
  title: string;
  system: string;
  metadata: Record<string, unknown>;
  pinned: boolean;
  archived: boolean;
  status: "open" | "ended";
  state: "idle" | "waiting" | "running" | "retrying";
  error: string | null;
  attention: "default" | "subscribed" | "muted";
  url: string | null;
  created_at: string;
  updated_at: string;
  message_count: number;
  waiting_count: number;
  dead_letter_count: number;
}

export interface ToolCall {
  id: string;
  name: string;
  args: unknown;
  result: unknown;
  outcome: string | null;
}

export interface Transcript {
  thread: ThreadSummary;
  owner: string;
  paused_since: string | null;
  attempts: number;
  next: number;
  messages: MessageView[];
  waiting: MessageView[];
  answering: number;
  steps: StepView[];
  replies: ReplyView[];
  flow: FlowPlace | null;
}

export interface Usage {
  input_tokens: number;
  output_tokens: number;
  requests: number;
}

export interface Worker {
  id: string;
  host: string;
  pid: number;
  state: string;
  turns: number;
  concurrency: number;
  done: number;
  failed: number;
  started: number;
  version: string;
  agents: Record<string, unknown>[];
}
