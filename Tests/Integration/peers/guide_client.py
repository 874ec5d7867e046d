"""A client of the guides' protocol: does every request and checks every field of the answers.

guide_client.py cluster URL...             the nodes of one cluster, one or more
guide_client.py federation PID URL URL URL three clusters of one node; PID is the third's: it dies
"""

import asyncio
import datetime
import json
import os
import signal
import sys
import urllib.error
import urllib.request
import uuid

import websockets

LIMIT = 40

uuid_text = lambda value: isinstance(value, str) and str(uuid.UUID(value)) == value
text = lambda value: isinstance(value, str)
name = lambda value: isinstance(value, str) and value != ""
count = lambda value: type(value) is int and value >= 0
number = lambda value: type(value) is int and value >= 1
names = lambda value: isinstance(value, list) and all(name(one) for one in value)
truth = lambda value: type(value) is bool


def moment(value):
    """A time with an offset, which is UTC's, and not far from now."""
    at = datetime.datetime.fromisoformat(value)
    now = datetime.datetime.now(datetime.timezone.utc)
    return at.utcoffset() == datetime.timedelta(0) and abs(now - at).total_seconds() < 300


def only(*values):
    return lambda value: type(value) is type(values[0]) and value in values


def listed(value):
    return isinstance(value, list) and all(check("room", room, ROOM) for room in value)


ROOM = {
    "room_id": uuid_text,
    "room_name": name,
    "description": text,
    "member_count": count,
    "admin_node": name,
    "node_address?": lambda value: value.startswith("http://"),
}
MESSAGE = {
    "message_id": uuid_text,
    "room_id": uuid_text,
    "username": name,
    "content": name,
    "sequence_number": number,
    "timestamp": moment,
}
MEMBER = {"room_id": uuid_text, "username": name, "member_count": count, "timestamp": moment}
FAILURE = {"error": name, "error_code": name}

# Every field of every answer; a question mark says that it may be absent.
SHAPES = {
    "rooms_list": {"rooms": listed, "total_count": count},
    "global_rooms_list": {
        "rooms": listed,
        "total_count": count,
        "nodes_queried": names,
        "nodes_available": names,
        "nodes_unavailable": names,
    },
    "room_created": {
        "room_id": uuid_text,
        "room_name": name,
        "admin_node": name,
        "members": names,
        "created_at": moment,
    },
    "join_room_success": {
        "room_id": uuid_text,
        "room_name": name,
        "description": text,
        "members": names,
        "member_count": count,
        "admin_node": name,
        "history_from": number,
        "history_complete": truth,
    },
    "join_room_error": {"room_id": lambda value: value is None or text(value), **FAILURE},
    "leave_room_success": {"room_id": uuid_text, "username": name},
    "message_sent": {
        "room_id": uuid_text,
        "message_id": uuid_text,
        "sequence_number": number,
        "timestamp": moment,
        "client_message_id?": name,
    },
    "message_error": {
        "room_id": lambda value: value is None or text(value),
        "client_message_id?": name,
        **FAILURE,
    },
    "new_message": MESSAGE,
    "member_joined": MEMBER,
    "member_left": {
        **MEMBER,
        "reason?": only("User disconnected", "Node unreachable", "Inactivity"),
    },
    "delete_room_initiated": {
        "room_id": uuid_text,
        "transaction_id?": uuid_text,
        "initiator?": name,
        "status": only("in_progress"),
    },
    "delete_room_success": {"room_id": uuid_text, "transaction_id": uuid_text, "message": name},
    "delete_room_failed": {
        "room_id": lambda value: value is None or text(value),
        "reason": name,
        "error_code": name,
        "transaction_id?": uuid_text,
    },
    "room_deleted": {"room_id": uuid_text, "room_name": name, "message": name},
    "error": {"success": only(False), "message": name, "error_code?": name, "room_id?": text},
}
REFUSED = {"success": only(False), "message": name, "error_code": name}


def check(what, data, shape):
    for key, holds in shape.items():
        field = key.rstrip("?")
        assert field in data or key.endswith("?"), (what, field, "is missing", data)
        assert field not in data or holds(data[field]), (what, field, "is wrong", data)
    unknown = set(data) - {key.rstrip("?") for key in shape}
    assert not unknown, (what, unknown, "is not documented", data)
    return True


class Client:
    """One connection. Everything that comes is checked; what nobody waited for stays in `inbox`."""

    def __init__(self, socket):
        self.socket = socket
        self.inbox = []

    async def send(self, type, data=None):
        request = {"type": type} if data is None else {"type": type, "data": data}
        await self.socket.send(json.dumps(request))

    async def next(self):
        message = json.loads(await asyncio.wait_for(self.socket.recv(), LIMIT))
        assert set(message) == {"type", "data"}, message
        type, data = message["type"], message["data"]
        failed = type == "room_created" and "success" in data
        check(type, data, REFUSED if failed else SHAPES[type])
        return type, data

    async def wait(self, *types):
        """The first message of these types that nobody has taken."""
        for index, (type, data) in enumerate(self.inbox):
            if type in types:
                del self.inbox[index]
                return data if len(types) == 1 else (type, data)
        while True:
            type, data = await self.next()
            if type in types:
                return data if len(types) == 1 else (type, data)
            self.inbox.append((type, data))

    async def ask(self, type, data, *answers):
        await self.send(type, data)
        return await self.wait(*answers)

    async def quiet(self):
        """Nothing is left over: what had come before an answer is taken."""
        await self.ask("discover_rooms", None, "global_rooms_list")
        assert self.inbox == [], self.inbox

    async def joins(self, room, user, **more):
        """Joins, as soon as the node knows the room, which may be another's."""
        for _ in range(LIMIT * 10):
            data = {"room_id": room, "username": user, **more}
            type, answer = await self.ask(
                "join_room", data, "join_room_success", "join_room_error"
            )
            if type == "join_room_success":
                assert answer["room_id"] == room, answer
                assert answer["member_count"] == len(answer["members"]), answer
                assert user in answer["members"], answer
                return answer
            assert answer["error_code"] in ("ROOM_NOT_FOUND", "ADMIN_NODE_UNAVAILABLE"), answer
            await asyncio.sleep(0.1)
        raise AssertionError((user, "cannot join", answer))

    async def says(self, room, user, content, **more):
        data = {"room_id": room, "username": user, "content": content, **more}
        return await self.ask("send_message", data, "message_sent")

    async def hears(self, room, user, content, sequence):
        message = await self.wait("new_message")
        heard = [message[key] for key in ("room_id", "username", "content", "sequence_number")]
        assert heard == [room, user, content, sequence], message
        return message


async def refusals(client, room):
    """Requests that cannot be met, and that the connection outlives."""

    async def fails(type, data, answer, code, key="error_code"):
        refusal = await client.ask(type, data, answer)
        assert refusal[key] == code, (type, data, refusal)
        return refusal

    nowhere = str(uuid.uuid4())
    for data in (None, {}, {"room_name": "x"}, {"creator_id": "x"}, {"room_name": 1}):
        await fails("create_room", data, "room_created", False, "success")
    for data in (None, {}, {"room_id": room}, {"username": "x"}, {"room_id": "", "username": "x"}):
        await fails("join_room", data, "join_room_error", "INVALID_REQUEST")
        await fails("delete_room", data, "delete_room_failed", "INVALID_REQUEST")
        await fails("leave_room", data, "error", "INVALID_REQUEST")
        await fails("send_message", data, "message_error", "INVALID_REQUEST")
    for missing in (nowhere, "no UUID"):
        who = {"room_id": missing, "username": "x"}
        assert (await fails("join_room", who, "join_room_error", "ROOM_NOT_FOUND"))[
            "room_id"
        ] == missing
        await fails("delete_room", who, "delete_room_failed", "ROOM_NOT_FOUND")
        await fails("leave_room", who, "error", "ROOM_NOT_FOUND")
        message = {**who, "content": "x", "client_message_id": "mine"}
        refusal = await fails("send_message", message, "message_error", "ROOM_NOT_FOUND")
        assert refusal["client_message_id"] == "mine", refusal
    message = {"room_id": room, "username": "stranger", "content": "x"}
    await fails("send_message", message, "message_error", "NOT_MEMBER")
    await fails("delete_room", {"room_id": room, "username": "stranger"}, "delete_room_failed",
                "UNAUTHORIZED")

    for garbage in ("{", "", "[]", '"text"', "{'type': 'list_rooms'}", '{"type":"a"}}'):
        await client.socket.send(garbage)
        assert (await client.wait("error"))["message"] == "Invalid JSON format", garbage
    await fails("dance", {}, "error", "Unknown message type: dance", "message")
    await client.quiet()


async def plain_http(url):
    def get():
        try:
            urllib.request.urlopen(url.replace("ws://", "http://"), timeout=LIMIT)
        except urllib.error.HTTPError as error:
            return error.code

    assert await asyncio.to_thread(get) == 426


async def listing(ann, bob, room, title, urls):
    """The room in the lists: its own node's, and everybody's."""

    def find(answer):
        assert answer["total_count"] == len(answer["rooms"]), answer
        return [one for one in answer["rooms"] if one["room_id"] == room]

    everyone = sorted(f"node{index + 1}" for index in range(len(urls)))
    for data in (None, {}):
        (own,) = find(await ann.ask("list_rooms", data, "rooms_list"))
        assert (own["room_name"], own["description"]) == (title, "täglich <&>"), own
        assert own["member_count"] == 0 and own["admin_node"] == "node1", own
        answer = await bob.ask("discover_rooms", data, "global_rooms_list")
        (found,) = find(answer)
        assert {**found, "node_address": ""} == {**own, "node_address": ""}, found
        assert sorted(answer["nodes_queried"]) == everyone, answer
        assert sorted(answer["nodes_available"]) == everyone, answer
        assert answer["nodes_unavailable"] == [], answer
    if len(urls) > 1:
        assert find(await bob.ask("list_rooms", None, "rooms_list")) == []


async def cluster(urls):
    async with (
        websockets.connect(urls[0]) as first,
        websockets.connect(urls[1 % len(urls)]) as second,
        websockets.connect(urls[2 % len(urls)]) as third,
    ):
        ann, bob, eve = Client(first), Client(second), Client(third)
        for url in urls:
            await plain_http(url)
        title = "Küche " + str(uuid.uuid4())
        made = {"room_name": title, "creator_id": "ann", "description": "täglich <&>"}
        created = await ann.ask("create_room", made, "room_created")
        assert created["room_name"] == title and created["admin_node"] == "node1", created
        room = created["room_id"]
        taken = await bob.ask("create_room", made, "room_created")
        assert taken["success"] is False and taken["error_code"] == "NAME_TAKEN", taken
        await listing(ann, bob, room, title, urls)
        await refusals(eve, room)

        # Everyone hears who comes, with the right count, and the one who comes gets the history.
        joined = await ann.joins(room, "ann")
        assert joined["members"] == ["ann"] and joined["description"] == "täglich <&>", joined
        assert joined["history_from"] == 1 and joined["history_complete"] is True, joined
        said = []
        for index in range(1, 4):
            sent = await ann.says(room, "ann", f"Nummer {index}: ä \"\\ 🐧")
            said.append(await ann.hears(room, "ann", f"Nummer {index}: ä \"\\ 🐧", index))
            assert {key: sent[key] for key in sent} == {key: said[-1][key] for key in sent}
        joined = await bob.joins(room, "bob")
        assert sorted(joined["members"]) == ["ann", "bob"], joined
        news = await ann.wait("member_joined")
        assert (news["room_id"], news["username"], news["member_count"]) == (room, "bob", 2), news
        assert [await bob.wait("new_message") for _ in said] == said
        again = await bob.joins(room, "bob", since=3)
        assert again["history_from"] == 4 and again["history_complete"] is True, again
        assert sorted(again["members"]) == ["ann", "bob"], again
        await eve.joins(room, "eve", since=2)
        await eve.hears(room, "ann", said[2]["content"], 3)
        for member in (ann, bob):
            news = await member.wait("member_joined")
            assert (news["username"], news["member_count"]) == ("eve", 3), news

        # What is refused takes no number; what is repeated under its name is one message.
        for content in ("", "x" * 5001):
            data = {"room_id": room, "username": "bob", "content": content}
            refusal = await bob.ask("send_message", data, "message_error")
            assert refusal["error_code"] == "INVALID_CONTENT", refusal
        long = "ß" * 5000
        sent = await bob.says(room, "bob", long, client_message_id="once")
        assert sent["client_message_id"] == "once" and sent["sequence_number"] == 4, sent
        repeated = await bob.says(room, "bob", long, client_message_id="once")
        assert repeated["message_id"] == sent["message_id"], repeated
        assert repeated["sequence_number"] == 4, repeated
        assert (await eve.says(room, "eve", "fifth"))["sequence_number"] == 5
        for member in (ann, bob, eve):
            assert (await member.hears(room, "bob", long, 4))["message_id"] == sent["message_id"]
            await member.hears(room, "eve", "fifth", 5)

        # One leaves, one is gone.
        going = {"room_id": room, "username": "bob"}
        left = await bob.ask("leave_room", going, "leave_room_success")
        assert left == {"room_id": room, "username": "bob"}, left
        refusal = await bob.ask(
            "send_message", {"room_id": room, "username": "bob", "content": "x"}, "message_error"
        )
        assert refusal["error_code"] == "NOT_MEMBER", refusal
        for member in (ann, eve):
            news = await member.wait("member_left")
            assert (news["username"], news["member_count"]) == ("bob", 2), news
            assert "reason" not in news, news
        await eve.socket.close()
        news = await ann.wait("member_left")
        assert (news["username"], news["member_count"]) == ("eve", 1), news
        assert news["reason"] == "User disconnected", news
        joined = await bob.joins(room, "bob", since=5)
        assert sorted(joined["members"]) == ["ann", "bob"], joined
        assert (await ann.wait("member_joined"))["member_count"] == 2
        await deletion(ann, [bob], [], room, title)
        for client in (ann, bob):
            await client.quiet()
            refusal = await client.ask(
                "join_room", {"room_id": room, "username": "ann"}, "join_room_error"
            )
            assert refusal["error_code"] == "ROOM_NOT_FOUND", refusal
        # The name is free again.
        assert "room_id" in await bob.ask("create_room", made, "room_created")


async def deletion(creator, members, guests, room, title):
    """The creator, whose name is ann, deletes a room; members are told, wherever they are.

    No call between clusters says who asks for a deletion: guests of others hear of its end only.
    """
    asked = {"room_id": room, "username": "ann"}
    begun = await creator.ask("delete_room", asked, "delete_room_initiated")
    assert begun["room_id"] == room and "transaction_id" in begun, begun
    done = await creator.wait("delete_room_success")
    assert done["room_id"] == room, done
    assert done["transaction_id"] == begun["transaction_id"], (begun, done)
    for member in members:
        told = await member.wait("delete_room_initiated")
        assert told == {"room_id": room, "initiator": "ann", "status": "in_progress"}, told
    for member in (creator, *members, *guests):
        gone = await member.wait("room_deleted")
        assert (gone["room_id"], gone["room_name"]) == (room, title), gone


async def federation(pid, urls):
    async with (
        websockets.connect(urls[0]) as first,
        websockets.connect(urls[1]) as second,
        websockets.connect(urls[2]) as third,
    ):
        ann, bob, eve = Client(first), Client(second), Client(third)
        clients = [("ann", ann), ("bob", bob), ("eve", eve)]
        title = "Küche"
        made = {"room_name": title, "creator_id": "ann"}
        room = (await ann.ask("create_room", made, "room_created"))["room_id"]

        # Whoever looks finds the room and the nodes, once they have met.
        for user, client in clients[1:]:
            for _ in range(LIMIT * 10):
                answer = await client.ask("discover_rooms", None, "global_rooms_list")
                found = [one for one in answer["rooms"] if one["room_id"] == room]
                if found and answer["nodes_unavailable"] == []:
                    break
                await asyncio.sleep(0.1)
            assert found[0]["admin_node"] == "node1" and found[0]["room_name"] == title, answer
            assert found[0]["node_address"].startswith("http://127.0.0.1:"), answer
            assert sorted(answer["nodes_available"]) == ["node1", "node2", "node3"], answer
            own = await client.ask("list_rooms", None, "rooms_list")
            assert own == {"rooms": [], "total_count": 0}, own

        for index, (user, client) in enumerate(clients):
            joined = await client.joins(room, user)
            there = sorted(one for one, _ in clients[: index + 1])
            assert sorted(joined["members"]) == there and joined["admin_node"] == "node1", joined
            for _, member in clients[:index]:
                news = await member.wait("member_joined")
                assert (news["username"], news["member_count"]) == (user, index + 1), news
        for sequence in range(1, 10):
            user, client = clients[sequence % 3]
            sent = await client.says(room, user, f"von {user}: {sequence}")
            assert sent["sequence_number"] == sequence, sent
            for _, member in clients:
                heard = await member.hears(room, user, f"von {user}: {sequence}", sequence)
                assert heard["message_id"] == sent["message_id"], (heard, sent)

        # A node dies: its members have left, and it is named as unavailable.
        os.kill(pid, signal.SIGKILL)
        for client in (ann, bob):
            news = await client.wait("member_left")
            assert (news["username"], news["member_count"]) == ("eve", 2), news
            assert news["reason"] == "Node unreachable", news
        answer = await ann.ask("discover_rooms", None, "global_rooms_list")
        assert answer["nodes_unavailable"] == ["node3"], answer
        assert sorted(answer["nodes_available"]) == ["node1", "node2"], answer
        await bob.says(room, "bob", "without eve")
        for client in (ann, bob):
            await client.hears(room, "bob", "without eve", 10)

        refusal = await bob.ask(
            "delete_room", {"room_id": room, "username": "eve"}, "delete_room_failed"
        )
        assert refusal["error_code"] in ("UNAUTHORIZED", "INVALID_STATE"), refusal
        await deletion(ann, [], [bob], room, title)
        for client in (ann, bob):
            answer = await client.ask("discover_rooms", None, "global_rooms_list")
            assert [one for one in answer["rooms"] if one["room_id"] == room] == [], answer
            await client.quiet()


mode, *rest = sys.argv[1:]
if mode == "cluster":
    asyncio.run(cluster(rest))
else:
    asyncio.run(federation(int(rest[0]), rest[1:]))
print("all is well")
