"""`cutheal check HISTORY`: judge the history of any run, of cutheal or not, in the documented format."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.checkers import (
    MODELS,
    Judgement,
    LostJudgement,
    Verdict,
    check_acknowledged,
    check_linearizable,
)
from harness.checkers.explain import explained, explained_loss, in_words, operation_text
from harness.checkers.linearizable import STATES_MAX
from harness.command import complain, say
from harness.exit_codes import ExitCode
from harness.history import BadHistory, History
from harness.history_reader import read_history

ACKNOWLEDGED = "acknowledged"
BUDGET_REAL_S = 60.0
EXIT_CODES = {
    Verdict.YES: ExitCode.DONE,
    Verdict.NO: ExitCode.NOT_SO,
    Verdict.UNKNOWN: ExitCode.UNDECIDED,
}

Document = dict[str, Any]


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `check HISTORY --model NAME` to the command's words."""
    parser = commands.add_parser(
        "check",
        help="judge a history: is it linearizable, is anything acknowledged lost",
        description="Reads a file of JSON lines (invoke, ok, fail, info: see the README) and says yes (exit "
        "code 0), no (1) and why, or that the budget did not suffice (3). The models: register (read, write, "
        "cas), map (read, write, delete), queue (enqueue, dequeue), each key by itself. acknowledged asks "
        "less: that the last read of each key returns what was acknowledged, or newer.",
    )
    parser.add_argument("history", type=Path, metavar="HISTORY", help="a history.jsonl")
    parser.add_argument(
        "--model", required=True, choices=[*MODELS, ACKNOWLEDGED], help="what the objects should be like"
    )
    parser.add_argument(
        "--budget",
        type=_seconds,
        default=BUDGET_REAL_S,
        metavar="SECONDS",
        help="real seconds the search may take (default: %(default)g)",
    )
    parser.add_argument(
        "--states",
        type=int,
        default=STATES_MAX,
        metavar="N",
        help="states it may reach for each key, some 300 bytes each (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout instead")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    try:
        history = read_history(arguments.history)
        verdict, document, text = _judged(arguments, history)
    except BadHistory as mistake:
        complain(str(mistake))
        return ExitCode.MISTAKE
    except ValueError as mistake:
        complain(f"{arguments.history}: {mistake}")
        return ExitCode.MISTAKE
    more = {"verdict": verdict, "model": arguments.model, "faults": len(history.faults)}
    say(arguments, more | document | {"torn": history.is_torn}, "\n".join([text, *_notes(history)]))
    return EXIT_CODES[verdict]


def _judged(arguments: argparse.Namespace, history: History) -> tuple[Verdict, Document, str]:
    if arguments.model == ACKNOWLEDGED:
        lost = check_acknowledged(history.operations)
        return lost.verdict, _lost_document(lost), _lost_text(lost)
    judged = check_linearizable(
        history.operations,
        MODELS[arguments.model],
        states_max=arguments.states,
        is_out_of_time=_clock(arguments.budget),
    )
    return judged.verdict, _document(judged), _text(judged, history)


def _clock(budget_real_s: float) -> Callable[[], bool]:
    end = time.monotonic() + budget_real_s
    return lambda: time.monotonic() >= end


def _document(judged: Judgement) -> Document:
    return {
        "operations": judged.operations,
        "keys": judged.keys,
        "states": judged.states,
        "undecided": [in_words(key) for key in judged.undecided],
        "counterexamples": [
            {
                "key": in_words(found.key),
                "operations": found.total,
                "ordered": found.longest[-1].done if found.longest else 0,
                "stuck": operation_text(found.stuck),
                "state": in_words(found.state),
                "text": explained(found),
            }
            for found in judged.counterexamples
        ],
    }


def _text(judged: Judgement, history: History) -> str:
    counted = f"{judged.operations} operations on {judged.keys} keys, {judged.states} states reached"
    match judged.verdict:
        case Verdict.YES:
            return f"linearizable: {counted}"
        case Verdict.UNKNOWN:
            keys = ", ".join(map(in_words, judged.undecided))
            return f"not decided for {keys}: {counted}; a larger --budget or --states may do"
        case Verdict.NO:
            parts = [explained(found) + _meanwhile(history, found.stuck) for found in judged.counterexamples]
            return "\n".join([f"not linearizable: {counted}", *parts])


def _meanwhile(history: History, stuck: Any) -> str:
    """Name the faults that were in force while the operation went on."""
    spans = [
        span.description
        for span in history.faults
        if span.since_ns <= (stuck.returned_ns or stuck.invoked_ns)
        and (span.until_ns is None or span.until_ns >= stuck.invoked_ns)
    ]
    return f"\n  meanwhile in force: {'; '.join(spans)}" if spans else ""


def _lost_document(judged: LostJudgement) -> Document:
    return {
        "acknowledged": judged.acknowledged,
        "unread": [in_words(key) for key in judged.unread],
        "lost": [explained_loss(lost) for lost in judged.lost],
    }


def _lost_text(judged: LostJudgement) -> str:
    match judged.verdict:
        case Verdict.YES:
            return f"nothing acknowledged is lost: {judged.acknowledged} writes acknowledged"
        case Verdict.UNKNOWN:
            keys = ", ".join(map(in_words, judged.unread))
            return f"not decided: nobody read {keys} after the last acknowledged write had ended"
        case Verdict.NO:
            return "\n".join(["acknowledged and lost:", *map(explained_loss, judged.lost)])


def _notes(history: History) -> list[str]:
    if not history.is_torn:
        return []
    return ["the last line is not whole and was left out: whoever wrote it was killed"]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: right would be seconds, such as 60")
    return seconds
