"""Redis keys of workers, agents and redeliveries, which belong to no partition; see `answerback.store.keys`."""

from __future__ import annotations


def identities() -> str:
    """HASH: platform → Identity, as resolved by workers from their credentials. Permanent."""
    return "ab:identities"


def workers() -> str:
    """HASH: worker id → WorkerReport. Each removed when its worker stops or has been silent for long."""
    return "ab:workers"


def paused() -> str:
    """HASH: what is paused ("everything", "agent:<agent>", "replies:<platform>") → Order. Until it is resumed."""
    return "ab:{orders}:paused"


def drains() -> str:
    """HASH: id of a worker that is asked to finish and end → Order. Until it has ended."""
    return "ab:{orders}:drains"


def minute(number: int) -> str:
    """HASH of the workers' counts in a minute, by its number since 1970; see `Metrics`. 25 hours."""
    return f"ab:{{minutes}}:{number}"


def agents() -> str:
    """HASH: agent → AgentReport, as last reported by a worker. Kept for a day after no worker runs the agent."""
    return "ab:agents"


def flows() -> str:
    """HASH: agent → the diagram of its flow, a Sketch, as reported by a worker at startup. As long as `agents`."""
    return "ab:flows"


def remote_agents(workspace: str) -> str:
    """HASH: agent → RemoteAgent, of the remote agents registered with a workspace. Until they are removed."""
    return f"ab:remotes:{workspace}"


def reachability(workspace: str) -> str:
    """HASH: agent → Reachability, of a workspace's remote agents, as probed by workers. As long as they are."""
    return f"ab:reachability:{workspace}"


def probes() -> str:
    """ZSET: `<workspace>/<agent>` of each remote agent → when it is probed next (ms). As long as they are."""
    return "ab:probes"


def presences() -> str:
    """HASH: a place → ShownPresence, where people see that an agent is at work. Each until that is no longer shown."""
    return "ab:presences"


def healthy() -> str:
    """HASH: webhook → the time (ms) up to which none of its deliveries is missing. Permanent."""
    return "ab:redelivery:healthy"


def redeliveries(hook: str) -> str:
    """HASH: delivery id → RedeliveryRequest, for a webhook's deliveries. For a week."""
    return f"ab:redelivery:asked:{{{hook}}}"


def aliases(platform: str) -> str:
    """HASH: new id of a thread that the platform has moved → its first id. Until that is purged."""
    return f"ab:aliases:{platform}"


def aliases_of(thread: str) -> str:
    """SET of the ids that `aliases` has of a thread, so that they are deleted with it. Until then."""
    return f"ab:aliases:of:{thread}"


def alias(thread: str) -> str:
    """STRING: the first id of a thread whose second one is that of a message of ours. 90 days after the last use."""
    return f"ab:alias:{thread}"


def aliased() -> str:
    """SET of the platforms that have `aliases`, and "<platform>/links" of those that have an `alias`. Permanent."""
    return "ab:aliased"


def accounts(platform: str) -> str:
    """HASH: account id → an installed account with its sealed credential, or that it is gone. See `Accounts`."""
    return f"ab:accounts:{platform}"


def account_renewal(platform: str, account: str) -> str:
    """STRING: a worker renews the token of an account, or no worker may. Expires after as long as that may take."""
    return f"ab:accounts:renewal:{platform}:{account}"


def install_state(digest: str) -> str:
    """STRING: the state of an installation was used. As long as it would be valid."""
    return f"ab:accounts:state:{digest}"


def name(platform: str, account: str, id: str) -> str:
    """STRING: what a person or a channel is called, "" if it has no name. A week; without a name an hour."""
    return f"ab:{{names:{platform}:{account}}}:{id}"


def connection(name: str) -> str:
    """HASH: who reads a connection of a platform: owner, renewals (of the lease). Permanent."""
    return f"ab:connection:{name}"


def positions() -> str:
    """HASH: connection → how far it was read. Permanent."""
    return "ab:connections"


def arq_queue(*, cluster: bool = False) -> str:
    """ZSET of arq's jobs (cron and background functions), by name; arq derives its other keys from it.

    On a Cluster, all keys of arq must be in one slot. `arq:abort` cannot have a hash tag, so that the others are put
    into its slot by its name as their tag: this one, and those of jobs, by their names (`arq_job`).
    """
    return "ab:{arq:abort}:arq" if cluster else "ab:arq"


def arq_job(name: str, *, cluster: bool) -> str:
    """Return the name of a cron job, of which arq makes the ids and keys of its runs."""
    return f"{{arq:abort}}{name}" if cluster else name
