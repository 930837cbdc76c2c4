"""A client's card: it counts as long as there is something to count, and holds nothing alive."""

import gc
import weakref

import snowpipe_pandas as sp
from snowpipe_pandas.display.card import Cards, ClientCard
from snowpipe_pandas.events import ClientClosed


def test_a_closed_client_is_reported_once_and_ends_its_card(account):
    received = []
    client = sp.connect(account.profile)
    card = ClientCard(client)
    assert card.draw() is True
    with client.events.heard_by(received.append):
        client.close()
        client.close()
    assert received == [ClientClosed()]
    assert client.closed
    assert card.draw() is False


def test_a_card_keeps_no_client_alive(account):
    client = sp.connect(account.profile)
    card, watched = ClientCard(client), weakref.ref(client)
    del client
    gc.collect()
    assert watched() is None
    assert card.draw() is False


def test_a_client_has_one_card_wherever_it_is_shown_and_its_thread_ends_with_it(client, capsys):
    cards = Cards()
    cards.show(client)
    cards.show(client)
    assert len(cards._cards) == 1
    client.close()
    assert capsys.readouterr().out.count("DEMO_USER") >= 2
