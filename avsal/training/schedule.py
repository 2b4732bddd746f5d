"""The learning rate's course, as a pure function of the step: nothing to save, nothing to resume."""

from __future__ import annotations

from math import cos, pi

from avsal.training.settings import ScheduleSettings

__all__ = ["factor"]


def factor(schedule: ScheduleSettings, *, step: int, epoch: int, num_steps: int) -> float:
    """Factor on the learning rate.

    Args:
        schedule: which course.
        step: 0-based, of the whole run.
        epoch: 0-based.
        num_steps: number of steps of the whole run.

    Examples:
        TSFP-Net's rate (section 4.2) falls at the 22nd, 25th and 26th of 26 epochs:

        >>> steps = ScheduleSettings("steps", epochs=(22, 25, 26))
        >>> [f"{factor(steps, step=0, epoch=e - 1, num_steps=1):.3g}" for e in (1, 21, 22, 24, 25, 26)]
        ['1', '1', '0.1', '0.1', '0.01', '0.001']
    """
    match schedule.name:
        case "constant":
            return 1.0
        case "steps":
            return schedule.factor ** sum(epoch + 1 >= at for at in schedule.epochs)
        case "every":
            return schedule.factor ** (epoch // schedule.every)
        case "inv":
            return (1 + schedule.gamma * step) ** -schedule.power
        case "cosine":
            if step < schedule.warmup:
                return (step + 1) / schedule.warmup
            done = (step - schedule.warmup) / max(1, num_steps - schedule.warmup)
            return 0.5 * (1 + cos(pi * min(1.0, done)))
        case "decay":
            rising = (step + 1) / schedule.warmup if step < schedule.warmup else 1.0
            falling = schedule.share * num_steps
            remaining = (num_steps - step) / falling if num_steps - step < falling else 1.0
            return min(rising, remaining)
