"""Threads in Redis: inbox, turns, outbox, dead letters. Knows no chat product.

A thread, each of its events and each of its replies is always in one of a few states. An arrow is moved by a script in
`answerback/store/lua/`, or by time; below it is the test that proves it.

Threads: the score in the queue `ready`, and the owner in the key `thread`

                  1                     3
    ┌──────┐ ───────────▶ ┌─────────┐ ───────────▶ ┌─────────┐ ──┐
    │ idle │              │ waiting │              │ running │   │ 4
    └──────┘ ◀─────────── └─────────┘ ◀─────────── └─────────┘ ◀─┘
       ▲          2         ▲     │         5         │     │
       │                  9 │     │ 8                 │     │
       │                    │     ▼         7         │     │
       │               ┌──────────┐                   │     │
       │               │ retrying │ ◀─────────────────┘     │
       │               └──────────┘                         │
       └────────────────────────────────────────────────────┘
                                  6

    1  idle → waiting       accept.lua            an event arrives
           tests/redis/test_accept.py::test_a_delivery_is_stored_once_however_often_it_comes
    1  idle → waiting       replay_event.lua      an event is put back from the dead letters
           tests/redis/test_dead_letters.py::test_a_replayed_event_continues_after_its_finished_steps
    1  idle → waiting       replace_thread.lua    an archived thread with waiting events is imported
           tests/redis/test_archives.py::test_a_restored_thread_goes_on
    2  waiting → idle       amend.lua             its last waiting message is deleted
           tests/redis/test_amend.py::test_a_thread_without_events_is_ready_for_nothing
    2  waiting → idle       replace_thread.lua    it is purged; so is an idle thread, by retention, and a running one
           tests/redis/test_purge.py::test_a_purged_thread_leaves_nothing_but_the_ids_of_its_deliveries
    3  waiting → running    reserve.lua           a worker takes the longest waiting threads, for a lease
           tests/redis/test_claim.py::test_the_thread_that_waits_longest_is_reserved_first
    3  waiting → running    reserve_parked.lua    a worker takes the turns that its version of the code has begun
           tests/redis/test_pinned.py::test_a_turn_is_left_to_its_version_and_nobody_looks_at_it_over_and_over
    3  waiting → running    claim.lua             … and what their turns need
           tests/redis/test_claim.py::test_a_claim_returns_all_that_a_turn_needs
    3  waiting → running    claim.lua             or takes the one that a wake token names, in one step
           tests/redis/test_claim.py::test_a_thread_that_a_token_names_is_claimed_without_being_reserved_first
    4  running → running    extend.lua            a heartbeat renews the lease
           tests/redis/test_extend.py::test_a_heartbeat_renews_turns_and_outboxes
    4  running → running    commit.lua            more events wait: they are the next turn
           tests/redis/test_commit.py::test_the_next_events_come_with_the_answer_under_the_same_lease
    5  running → waiting    commit.lua            more events wait, for any worker
           tests/redis/test_commit.py::test_a_thread_released_with_events_is_ready_for_any_worker
    5  running → waiting    dead_letter.lua       the turn failed for good, and more events wait
           tests/redis/test_release.py::test_an_event_that_was_dead_lettered_makes_way_for_the_next
    5  running → waiting    release.lua           the worker stops, or a new message interrupts the turn
           tests/redis/test_release.py::test_a_thread_handed_back_is_claimable_at_once_and_lost_no_attempt
    5  running → waiting    give_back.lua         it was reserved, but what was claimed just before must run alone
           tests/redis/test_claim.py::test_what_was_reserved_is_given_back_unless_somebody_has_it
    5  running → waiting    unlock.lua            an operator takes it from its worker
           tests/redis/test_repair.py::test_an_unlocked_thread_is_claimable_at_once_and_its_worker_refused
    5  running → waiting    time                  the lease ends: its worker died or was away
           tests/redis/test_claim.py::test_a_dead_workers_thread_is_claimable_when_its_lease_ends
    6  running → idle       commit.lua            nothing else waits
           tests/redis/test_commit.py::test_a_commit_changes_everything_at_once
    6  running → idle       dead_letter.lua       the turn failed for good, and nothing else waits
           tests/redis/test_release.py::test_the_last_event_of_a_thread_can_be_dead_lettered
    7  running → retrying   release.lua           an attempt failed
           tests/redis/test_release.py::test_a_failed_turn_is_tried_again_when_its_delay_is_over
    7  running → retrying   release.lua           its agent is paused
           tests/redis/test_pauses.py::test_a_paused_turn_waits_and_is_first_when_it_is_resumed
    8  waiting → retrying   claim.lua             it is a suspect, and the worker already runs one
           tests/redis/test_poison_messages.py::test_of_two_suspects_one_has_to_wait
    9  retrying → waiting   time                  the delay is over
           tests/redis/test_release.py::test_a_failed_turn_is_tried_again_when_its_delay_is_over
    9  retrying → waiting   requeue.lua           an operator does not want to wait
           tests/redis/test_repair.py::test_a_retrying_thread_is_claimable_now_and_its_attempts_stay_counted
    9  retrying → waiting   resume.lua            an operator resumes its agent
           tests/redis/test_pauses.py::test_a_paused_turn_waits_and_is_first_when_it_is_resumed
    9  retrying → waiting   cancel.lua            its turn is cancelled, and ends at once
           tests/redis/test_repair.py::test_a_cancelled_turn_that_waits_for_its_next_attempt_is_claimable_at_once

Events: an entry of `inbox`, a message of `history`, or a dead letter

            1                     4                   6
    new ────────▶ ┌─────────┐ ──────────▶ ┌───────┐ ────────▶ ┌─────────┐
     │            │ waiting │             │ taken │           │ handled │
     │            └─────────┘ ◀────────── └───────┘           └─────────┘
     │ 2           3 │   ▲        5           │
     │               │   │                    │ 7
     │               │   │        8           ▼
     │               │   └─────────────── ┌──────┐
     ▼               │                    │ dead │
    gone ◀───────────┘                    └──────┘
     ▲                            9           │
     └────────────────────────────────────────┘

    1  new → waiting        accept.lua            it is the first delivery of the event
           tests/redis/test_accept.py::test_fifty_deliveries_at_once_store_one_event
    2  new → gone           accept.lua            it is a duplicate, or an agent's own message
           tests/redis/test_accept.py::test_our_own_message_is_not_an_event
    2  new → gone           remember.lua          its deletion arrived before it
           tests/redis/test_amend.py::test_a_deletion_that_comes_before_its_message_takes_it_back
    3  waiting → gone       amend.lua             its message is deleted
           tests/redis/test_amend.py::test_a_deletion_takes_the_event_that_waits_back
    3  waiting → gone       replace_thread.lua    its thread is purged
           tests/redis/test_purge.py::test_a_purged_thread_leaves_nothing_but_the_ids_of_its_deliveries
    4  waiting → taken      claim.lua             a turn begins with it
           tests/redis/test_amend.py::test_an_event_that_is_being_answered_stays_as_it_is
    4  waiting → taken      commit.lua            the next turn begins with it, under the same lease
           tests/redis/test_commit.py::test_the_next_events_come_with_the_answer_under_the_same_lease
    4  waiting → taken      take_more_events.lua  it arrived while its agent waited for more
           tests/acceptance/test_streaming.py::test_a_debounced_agent_answers_once_it_is_quiet
    5  taken → waiting      release.lua           an attempt ended before its first step; after one it stays taken
           tests/redis/test_amend.py::test_a_failed_event_may_be_amended_unless_something_was_done_for_it
    5  taken → waiting      unlock.lua            the same, by an operator
           tests/redis/test_repair.py::test_an_unlocked_thread_is_claimable_at_once_and_its_worker_refused
    6  taken → handled      commit.lua            its turn is committed
           tests/redis/test_commit.py::test_a_commit_changes_everything_at_once
    7  taken → dead         dead_letter.lua       its turn failed for good
           tests/redis/test_release.py::test_an_event_is_dead_lettered_once_even_if_asked_twice
    8  dead → waiting       replay_event.lua      an operator replays it
           tests/redis/test_dead_letters.py::test_a_replayed_event_queues_behind_what_waits
    8  dead → waiting       accept.lua            its platform delivers it again
           tests/redis/test_accept.py::test_a_redelivery_takes_its_event_back_from_the_dead_letters
    9  dead → gone          delete_dead_letter.lua  an operator deletes it
           tests/redis/test_dead_letters.py::test_a_deleted_dead_letter_is_gone_and_its_redelivery_a_duplicate

Streams: a reply that is shown while it is written; the field `streamed` in the key `thread`, then `state` in `outbox`

            1                    3                      4                     7
    new ────────▶ ┌────────┐ ────────▶ ┌───────────┐ ────────▶ ┌─────────┐ ────────▶ ┌──────┐
              ┌── │ shown  │           │ streaming │           │ sending │ ──┐       │ sent │
            2 └─▶ └────────┘           └───────────┘ ◀──────── └─────────┘ ◀─┘ 6     └──────┘
                                                        5

    1  new → shown          show.lua              before the request that creates its message
           tests/redis/test_streamed.py::test_the_next_worker_knows_what_is_shown
    2  shown → shown        show.lua              before each request that changes it, by whichever worker
           tests/redis/test_streamed.py::test_the_next_worker_knows_what_is_shown
    3  shown → streaming    step.lua              `turn.reply` is what becomes of it
           tests/redis/test_streamed.py::test_a_reply_in_the_middle_of_a_turn_is_what_becomes_of_what_was_shown
    3  shown → streaming    commit.lua            the turn ends: its message is to show all of the text
           tests/redis/test_streamed.py::test_a_commit_leaves_the_rest_to_the_outbox
    3  shown → streaming    dead_letter.lua       the turn failed for good: its message is to be deleted
           tests/redis/test_streamed.py::test_what_a_failed_turn_has_shown_is_removed
    3  shown → streaming    release.lua           the turn is interrupted: its message keeps what the history has
           tests/redis/test_streamed.py::test_an_interrupted_turn_leaves_what_it_said
    4  streaming → sending  mark_sending.lua      before the request that completes its message
           tests/redis/test_streams.py::test_the_message_is_completed_with_the_rest_of_the_text
    5  sending → streaming  defer.lua             its platform refused it for now
           tests/redis/test_streams.py::test_a_refused_end_is_repeated
    6  sending → sending    defer.lua             its outcome is unknown, or an earlier edit may undo it: it is repeated
           tests/redis/test_streams.py::test_an_end_of_unknown_outcome_is_repeated_with_all_of_the_text
    7  sending → sent       settle.lua            its message shows all of it
           tests/redis/test_streams.py::test_the_message_is_completed_with_the_rest_of_the_text

Replies: the field `state`, in `outbox` and `unsent`

            1                     3                     5
    new ────────▶ ┌─────────┐ ──────────▶ ┌─────────┐ ────────▶ ┌──────┐
              ┌── │ pending │             │ sending │ ──┐       │ sent │
            2 └─▶ └─────────┘ ◀────────── └─────────┘ ◀─┘ 6     └──────┘
                       ▲          4            │                   │
                       │                       │ 7                 │ 10
                       │          8            ▼                   │
                       └───────────────── ┌────────┐ ◀─────────────┘
                                          │ failed │ ───────▶ gone
                                          └────────┘    9

    1  new → pending        step.lua              `turn.reply` in the middle of a turn
           tests/redis/test_commit.py::test_a_reply_that_a_step_put_into_the_outbox_is_not_put_there_again
    1  new → pending        commit.lua            the end of a turn
           tests/redis/test_commit.py::test_a_commit_changes_everything_at_once
    2  pending → pending    divide.lua            it is too long for its platform, and becomes several
           tests/redis/test_outbox.py::test_a_reply_that_is_too_long_is_sent_in_parts_in_its_place
    2  pending → pending    claim_outbox.lua      a worker takes the thread's unsent replies, for a lease
           tests/redis/test_outbox.py::test_one_sender_holds_an_outbox
    2  pending → pending    commit.lua            the worker that commits is free to send, and no other one sends
           tests/redis/test_outbox.py::test_a_worker_that_is_ready_to_send_gets_the_outbox_with_its_commit
    3  pending → sending    mark_sending.lua      before its request
           tests/redis/test_outbox.py::test_a_reply_that_a_dead_sender_marked_is_found_by_the_next
    4  sending → pending    defer.lua             its platform refused it for now
           tests/redis/test_outbox.py::test_a_deferred_reply_is_attempted_again_after_its_delay
    5  sending → sent       settle.lua            its platform accepted it, or it was found there
           tests/redis/test_outbox.py::test_replies_leave_in_order
    5  sending → sent       confirm.lua           its platform's own webhook reports it
           tests/redis/test_outbox.py::test_an_echo_settles_a_reply_of_unknown_outcome
    6  sending → sending    defer.lua             its outcome is unknown: it is looked for later
           tests/redis/test_sender.py::test_a_post_that_fails_is_not_looked_for_at_once
    7  sending → failed     settle.lua            its platform refused it for good: it is a dead letter
           tests/redis/test_outbox.py::test_a_reply_that_failed_is_followed_by_the_next
    7  sending → failed     fail_reply.lua        its platform reports that, by a webhook
           tests/redis/test_reply_reports.py::test_a_report_settles_a_reply_of_unknown_outcome_as_failed
    8  failed → pending     replay_reply.lua      an operator replays it
           tests/redis/test_dead_letters.py::test_a_replayed_reply_is_posted_after_those_that_wait
    9  failed → gone        delete_dead_letter.lua  an operator deletes the dead letter
           tests/redis/test_dead_letters.py::test_a_deleted_dead_reply_stays_failed
    10  sent → failed       fail_reply.lua        its platform reports that it was not delivered after all
           tests/redis/test_reply_reports.py::test_a_reply_that_was_sent_fails_once_when_its_platform_reports_that
"""
