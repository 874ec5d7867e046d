0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
      client0 loses its connection
2.100 client0 join lobby
      committed to 7
      client0 joins lobby from number 1 on
3.000 drop probe node1->any
3.000 drop heartbeat node1->any
3.000 client0 say lobby hello
      committed to 8
      client0 says lobby s0-1: done, number 1
      client0 hears lobby: hello, number 1
3.150 crash node1 power for 3s
      node1 is down
3.150 candidates node2
      client0 loses its connection
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 9
5.000 heal
6.000 client1 at node2
      client1 loses its connection
6.000 client1 join lobby
      committed to 10
      client1 joins lobby from number 1 on
      client1 hears lobby: hello, number 1
      node1 starts, boot 2
      committed to 12
      client0 joins lobby after number 1
       the faults stop for node1 node2 node3
       committed to 22
       held
