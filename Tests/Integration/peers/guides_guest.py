"""A foreign node whose users are guests in a room: guides_guest.py URL ROOM PORT.

It serves on PORT under the name `python`, which the node was told, joins, talks, hears what is
said, leaves with one of its users, and takes part in the room's deletion.
"""

import datetime
import sys
import threading
import time
import xmlrpc.client
import xmlrpc.server

url, room, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
said, events, steps = [], [], []
deadline = time.monotonic() + 60


def heartbeat():
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return {"status": "ok", "node_id": "python", "timestamp": now}


def get_hosted_rooms():
    return []


def receive_message_broadcast(room_id, message):
    assert room_id == room == message["room_id"]
    said.append(message)
    return True


def receive_member_event_broadcast(room_id, event_type, event):
    assert room_id == room
    events.append((event_type, event["username"]))
    return True


def prepare_delete_room(room_id, transaction_id, coordinator_node):
    steps.append(("prepare", room_id, transaction_id))
    return {"vote": "READY", "node_id": "python", "transaction_id": transaction_id}


def commit_delete_room(room_id, transaction_id, room_name=None):
    steps.append(("commit", room_id, transaction_id))
    return {"success": True, "node_id": "python"}


def rollback_delete_room(room_id, transaction_id):
    steps.append(("rollback", room_id, transaction_id))
    return {"success": True, "node_id": "python"}


class Handler(xmlrpc.server.SimpleXMLRPCRequestHandler):
    rpc_paths = ()
    protocol_version = "HTTP/1.1"


class Server(xmlrpc.server.SimpleXMLRPCServer):
    allow_reuse_address = True


def until(what, condition):
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, (what, said, events, steps)
        time.sleep(0.02)


server = Server(("127.0.0.1", port), Handler, logRequests=False, allow_none=True)
for function in (
    heartbeat,
    get_hosted_rooms,
    receive_message_broadcast,
    receive_member_event_broadcast,
    prepare_delete_room,
    commit_delete_room,
    rollback_delete_room,
):
    server.register_function(function)
threading.Thread(target=server.serve_forever, daemon=True).start()
node = xmlrpc.client.ServerProxy(url, allow_none=True)


def join(user):
    answer = node.join_room(room, user, "python")
    return answer if answer["success"] else None


# The node has to see this one first; until then it knows no such cluster.
first = until("join", lambda: join("pia"))
assert first["room_info"]["room_id"] == room
assert sorted(first["room_info"]["members"]) == ["alice", "pia"], first
assert [message["content"] for message in first["messages"]] == ["before"], first
assert join("pia")["success"] and join("pit")["success"]

(hosted,) = node.get_hosted_rooms()
assert hosted["room_id"] == room and hosted["member_count"] == 3, hosted
assert hosted["node_address"] == url.rstrip("/"), hosted

sent = node.forward_message(room, "pia", "from python: ä <&>", "python")
assert sent["success"] and sent["sequence_number"] == 2, sent
until("own message", lambda: "from python: ä <&>" in [message["content"] for message in said])
until("answer", lambda: "from alice" in [message["content"] for message in said])
assert [message["sequence_number"] for message in said] == [2, 3], said
assert said[0]["message_id"] == sent["message_id"]

nobody = node.forward_message(room, "nobody", "x", "python")
assert nobody["error_code"] == "NOT_MEMBER", nobody
assert node.forward_message(room, "pia", "", "python")["error_code"] == "INVALID_CONTENT"
other = "99999999-2222-4333-8444-555555555555"
missing = node.join_room(other, "pia", "python")
assert not missing["success"] and missing["error_code"] == "ROOM_NOT_FOUND", missing
assert missing["room_info"] is None
assert node.leave_room(room, "nobody", "python")["error_code"] == "NOT_IN_ROOM"
assert node.leave_room(room, "pia", "python")["success"]
assert node.notify_member_disconnect(room, "pia", "python", "User disconnected") is not None
vote = node.prepare_delete_room(other, other, "python")
assert vote["vote"] == "READY" and vote["transaction_id"] == other, vote
assert node.rollback_delete_room(other, other)["success"]

until("deletion", lambda: [step[0] for step in steps][-1:] == ["commit"])
assert {step[0] for step in steps} == {"prepare", "commit"}, steps
assert len({step[1:] for step in steps}) == 1 and steps[0][1] == room, steps
print("all is well")
