"""A foreign node made with Python's own XML-RPC server; prints its port, then serves.

It hosts one room and answers as the documents of the protocol say, in memory. With the argument
`keep` it keeps connections open (HTTP/1.1), else it closes each after its answer (HTTP/1.0). With
`tell=URL` it tells the node there what is said in the room.
"""

import datetime
import sys
import threading
import uuid
import xmlrpc.client
import xmlrpc.server

ROOM = "11111111-2222-4333-8444-555555555555"
members = []
messages = []


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


def room():
    return {
        "room_id": ROOM,
        "room_name": "täglich <&>",
        "description": "",
        "member_count": len(members),
        "admin_node": "python",
        "node_address": "http://127.0.0.1:1",
    }


def heartbeat():
    return {"status": "ok", "node_id": "python", "timestamp": now()}


def get_hosted_rooms():
    return [room()]


def join_room(room_id, username, client_node_id):
    if room_id != ROOM:
        return {
            "success": False,
            "message": "no such room",
            "error_code": "ROOM_NOT_FOUND",
            "room_info": None,
            "messages": [],
        }
    if username not in members:
        members.append(username)
    info = dict(room(), members=members)
    return {"success": True, "message": "welcome", "room_info": info, "messages": messages}


def leave_room(room_id, username, client_node_id):
    if username not in members:
        return {"success": False, "message": "not there", "error_code": "NOT_IN_ROOM"}
    members.remove(username)
    return {"success": True, "message": "bye"}


def tell(url, room_id, message):
    node = xmlrpc.client.ServerProxy(url, allow_none=True)
    assert node.receive_message_broadcast(room_id, message)


def forward_message(room_id, username, content, sender_node_id):
    if username not in members:
        return {"success": False, "error": "join first", "error_code": "NOT_MEMBER"}
    message = {
        "message_id": str(uuid.uuid4()),
        "room_id": room_id,
        "username": username,
        "content": content,
        "sequence_number": len(messages) + 1,
        "timestamp": now(),
    }
    messages.append(message)
    for argument in sys.argv:
        if argument.startswith("tell="):
            url = argument.removeprefix("tell=")
            threading.Thread(target=tell, args=(url, room_id, message)).start()
    names = ("message_id", "sequence_number", "timestamp")
    return {"success": True, **{name: message[name] for name in names}}


def receive_message_broadcast(room_id, message):
    return message["sequence_number"] == 2**40 and message["content"] == "a\r\nb <&> \u20ac"


def receive_member_event_broadcast(room_id, event_type, event):
    return event_type == "member_left" and event["reason"] == "Inactivity"


def notify_member_disconnect(room_id, username, member_node_id, reason):
    return {"success": reason == "User disconnected", "message": reason}


def prepare_delete_room(room_id, transaction_id, coordinator_node):
    answer = {"node_id": "python", "transaction_id": transaction_id}
    if room_id == ROOM:
        return dict(answer, vote="ABORT", reason="in use")
    return dict(answer, vote="READY")


def commit_delete_room(room_id, transaction_id, room_name=None):
    return {"success": True, "node_id": "python"}


def rollback_delete_room(room_id, transaction_id):
    raise ValueError("this one is broken")


class Handler(xmlrpc.server.SimpleXMLRPCRequestHandler):
    rpc_paths = ()
    protocol_version = "HTTP/1.1" if "keep" in sys.argv else "HTTP/1.0"


class Server(xmlrpc.server.SimpleXMLRPCServer):
    allow_reuse_address = True


server = Server(("127.0.0.1", 0), Handler, logRequests=False, allow_none=True)
server.register_introspection_functions()
server.register_multicall_functions()
for function in (
    heartbeat,
    get_hosted_rooms,
    join_room,
    leave_room,
    forward_message,
    receive_message_broadcast,
    receive_member_event_broadcast,
    notify_member_disconnect,
    prepare_delete_room,
    commit_delete_room,
    rollback_delete_room,
):
    server.register_function(function)
print(server.server_address[1], flush=True)
server.serve_forever()
