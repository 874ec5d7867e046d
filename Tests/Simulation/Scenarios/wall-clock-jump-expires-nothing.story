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
2.000 client1 at node3
      client1 loses its connection
2.100 client0 join lobby
      committed to 7
      client0 joins lobby from number 1 on
2.200 client1 join lobby
      committed to 8
      client1 joins lobby from number 1 on
3.000 jump node1 by 100000s
4.000 jump node1 by -200000s
6.000 client0 say lobby hello
      committed to 9
      client1 hears lobby: hello, number 1
      client0 says lobby s0-1: done, number 1
      client0 hears lobby: hello, number 1
       the faults stop for node1 node2 node3
       committed to 19
       held
