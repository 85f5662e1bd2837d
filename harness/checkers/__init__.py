"""Judges of histories: pure functions from operations to a verdict; no I/O, no clock."""

from harness.checkers.acknowledged import Lost, LostJudgement, check_acknowledged
from harness.checkers.linearizable import Counterexample, Judgement, check_linearizable
from harness.checkers.models import MODELS, MapModel, Model, QueueModel, RegisterModel
from harness.checkers.operation import Operation, Outcome, Value
from harness.checkers.verdict import Verdict

__all__ = [
    "MODELS",
    "Counterexample",
    "Judgement",
    "Lost",
    "LostJudgement",
    "MapModel",
    "Model",
    "Operation",
    "Outcome",
    "QueueModel",
    "RegisterModel",
    "Value",
    "Verdict",
    "check_acknowledged",
    "check_linearizable",
]
