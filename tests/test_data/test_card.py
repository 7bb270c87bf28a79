"""Facts of a card that say how far numbers can be trusted."""

import polars as pl

from linrec_cli.data.prepare import Prepared, prepare


def made(*users: list[int]) -> Prepared:
    rows = [(user, item, time) for user, items in enumerate(users) for time, item in enumerate(items)]
    return prepare(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"), 0, 0)


def test_the_share_of_repeats_is_that_of_the_last_two_events_of_whom_can_be_split() -> None:
    # Of six held-out events the three of the second and third user repeat; the last user is too short.
    assert made([1, 2, 3, 4], [1, 2, 1, 2], [1, 2, 3, 1], [1, 1]).card["repeat_share"] == 0.5
    assert made([1, 1], [2]).card["repeat_share"] == "n/a"
    # The last repeats the one before it, which repeats nothing.
    assert made([1, 2, 3, 3]).card["repeat_share"] == 0.5


def test_the_last_two_events_of_a_user_who_has_no_more_can_tie_too() -> None:
    rows = [(1, 1, 0), (1, 2, 0), (2, 1, 0), (2, 2, 5), (3, 3, 7)]
    card = prepare(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"), 0, 0).card
    assert (card["neighbours"], card["tied_neighbours"], card["tied_last_share"]) == (2, 1, 1 / 3)


def test_a_user_or_an_item_that_holds_too_much_is_pointed_at() -> None:
    plain = [[user % 7 + 1, (3 * user) % 11 + 10, 20 + user] for user in range(60)]
    card = made(*plain).card
    assert (card["large_users"], card["large_items"]) == ([], [])
    # Ten times the mean of a user; the item stands in a third of all events.
    card = made(*plain, [500] * 100).card
    assert (card["large_users"], len(card["large_items"])) == ([61], 1)
    # A user from 5 % and ten times the mean on, an item from 20 %.
    for held, told in ((2000, []), (2200, [401])):
        # Of 400 users of 100 events each.
        card = made(*[[number] * 100 for number in range(400)], [9999] * held).card
        assert card["large_users"] == told
    for share, told in ((19, 0), (21, 1)):
        card = made(
            *[[1 if step < share else 1000 + 81 * user + step for step in range(100)] for user in range(30)]
        ).card
        assert len(card["large_items"]) == told
    # Of few users each holds much.
    assert made(*plain[:9]).card["large_users"] == []


def test_quantiles_of_lengths_are_those_named() -> None:
    card = made(*[[*range(length)] for length in range(1, 102)]).card
    quantiles = {"min": 1, "p5": 6, "p25": 26, "median": 51, "p75": 76, "p95": 96, "max": 101}
    assert card["lengths"] == quantiles
