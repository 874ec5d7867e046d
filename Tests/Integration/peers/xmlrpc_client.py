"""Python's own XML-RPC client against a node: xmlrpc_client.py URL NODE_NAME."""

import http.client
import sys
import uuid
import xmlrpc.client

url, name = sys.argv[1:]
host = url.removeprefix("http://").rstrip("/")
node = xmlrpc.client.ServerProxy(url, allow_none=True)
room = str(uuid.uuid4())


def fault_code(call):
    try:
        call()
    except xmlrpc.client.Fault as fault:
        return fault.faultCode
    raise AssertionError("no fault")


# Introspection.
methods = node.system.listMethods()
for method in (
    "heartbeat get_hosted_rooms join_room leave_room forward_message receive_message_broadcast "
    "receive_member_event_broadcast notify_member_disconnect prepare_delete_room "
    "commit_delete_room rollback_delete_room system.listMethods system.multicall"
).split():
    assert method in methods, method
    assert node.system.methodHelp(method).startswith(method + "("), method
    assert node.system.methodSignature(method)[0][0] in ("array", "boolean", "struct", "string")

# A heartbeat.
heartbeat = node.heartbeat()
assert heartbeat["status"] == "ok" and heartbeat["node_id"] == name, heartbeat
assert heartbeat["timestamp"].endswith("+00:00") and "T" in heartbeat["timestamp"], heartbeat

# Several calls in one, some of which fail.
multicall = xmlrpc.client.MultiCall(node)
multicall.heartbeat()
multicall.no_such_method()
multicall.heartbeat()
results = multicall()
assert results[0]["node_id"] == name and results[2]["status"] == "ok"
assert fault_code(lambda: results[1]) == -32601

# Faults.
assert fault_code(lambda: node.no_such_method(1)) == -32601
assert fault_code(lambda: node.join_room()) == -32602
assert fault_code(lambda: node.join_room(room, "ann", 7)) == -32602
assert fault_code(lambda: node.join_room("no uuid", "ann", "python")) == -32602
assert fault_code(lambda: node.join_room(room, None, "python")) == -32602
assert fault_code(lambda: node.prepare_delete_room(room, "no uuid", "python")) == -32602


# Documents that are none, all on one connection.
connection = http.client.HTTPConnection(host, timeout=20)


def post(body, content_type="text/xml; charset=utf-8", path="/any/path"):
    connection.request("POST", path, body, {"Content-Type": content_type})
    response = connection.getresponse()
    return response.status, response.read()


def post_fault(body):
    status, answer = post(body)
    assert status == 200, status
    return fault_code(lambda: xmlrpc.client.loads(answer))


assert post_fault(b"") == -32700
assert post_fault(b"hello") == -32700
assert post_fault(b'<!DOCTYPE a [<!ENTITY b "c">]><methodCall/>') == -32700
assert post_fault(b'<?xml version="1.0" encoding="x-none"?><methodCall/>') == -32701
assert post_fault(b"<methodResponse><params/></methodResponse>") == -32600
depth = 100
deep = b"<value><array><data>" * depth + b"</data></array></value>" * depth
head = b"<methodCall><methodName>heartbeat</methodName><params><param>"
assert post_fault(head + deep + b"</param></params></methodCall>") == -32600
assert post(b"{}", "application/json")[0] == 415
status, answer = post(xmlrpc.client.dumps((), "heartbeat").encode())
assert status == 200 and xmlrpc.client.loads(answer)[0][0]["node_id"] == name

print("all is well")
