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
2.000 client1 at node3
      client1 loses its connection
2.100 client0 join lobby
      committed to 7
      client0 joins lobby from number 1 on
2.500 client1 join lobby
      committed to 8
      client1 joins lobby from number 1 on
3.000 client0 say lobby one
      committed to 9
      client0 says lobby s0-1: done, number 1
      client0 hears lobby: one, number 1
      client1 hears lobby: one, number 1
4.000 crash node3
      node3 is down
      client1 loses its connection
4.500 client0 say lobby two
      committed to 10
      client0 says lobby s0-2: done, number 2
      client0 hears lobby: two, number 2
5.000 client0 say lobby three
      committed to 11
      client0 says lobby s0-3: done, number 3
      client0 hears lobby: three, number 3
6.000 client1 at node2
      committed to 12
      client1 joins lobby after number 1
      client1 hears lobby: two, number 2
      client1 hears lobby: three, number 3
8.000 client0 say lobby four
      committed to 13
      client0 says lobby s0-4: done, number 4
      client0 hears lobby: four, number 4
      client1 hears lobby: four, number 4
       the faults stop for node1 node2 node3
       node3 starts, boot 2
       committed to 24
       held
