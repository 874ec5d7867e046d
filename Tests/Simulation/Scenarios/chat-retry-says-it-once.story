0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node2
      client0 loses its connection
2.000 client1 at node1
      client1 loses its connection
2.100 client0 join lobby
      committed to 7
      client0 joins lobby from number 1 on
2.500 client1 join lobby
      committed to 8
      client1 joins lobby from number 1 on
3.000 ambush node2 answer effects wrote
3.000 client0 say lobby hello
      committed to 9
      client1 hears lobby: hello, number 1
      node2 is down
      client0 loses its connection
4.000 client0 at node3
      committed to 10
      client0 joins lobby after number 0
      client0 hears lobby: hello, number 1
      committed to 11
      client0 says lobby s0-1: done, number 1
6.000 client0 say lobby goodbye
      committed to 12
      client1 hears lobby: goodbye, number 2
      client0 says lobby s0-2: done, number 2
      client0 hears lobby: goodbye, number 2
       the faults stop for node1 node2 node3
       node2 starts, boot 2
       committed to 23
       held
