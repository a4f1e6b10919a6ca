"""Between what was learned and what was before lies what is kept."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")


def moved(wanted: float) -> tuple[float, float]:
    """The share that is kept, and the weight, where a judge wants a weight between 0, before learning, and 1, after it."""
    from aisle.text.between_train import move_back, weights_of

    net = torch.nn.Linear(1, 1)
    with torch.no_grad():
        net.weight.fill_(0)
        before = weights_of(net)
        net.weight.fill_(1)
    share = move_back(net, before, lambda: -abs(net.weight.item() - wanted))
    return share, net.weight.item()


@pytest.mark.parametrize(("wanted", "share"), [(1.0, 0.0), (0.85, 0.2), (0.5, 0.4), (0.95, 0.0)])
def test_the_share_that_the_judge_likes_best_is_kept(wanted: float, share: float) -> None:
    assert moved(wanted) == (share, pytest.approx(1 - share))


def test_where_the_judge_sees_no_difference_what_was_learned_is_kept() -> None:
    from aisle.text.between_train import move_back, weights_of

    net = torch.nn.Linear(1, 1)
    before = weights_of(torch.nn.Linear(1, 1))
    learned = weights_of(net)
    assert move_back(net, before, lambda: 1.0) == 0.0
    assert all(torch.equal(tensor, learned[name]) for name, tensor in net.state_dict().items())


def test_what_was_before_is_a_copy() -> None:
    from aisle.text.between_train import weights_of

    net = torch.nn.Linear(1, 1)
    before = weights_of(net)
    with torch.no_grad():
        net.weight.add_(1)
    assert before["weight"].item() == pytest.approx(net.weight.item() - 1)
