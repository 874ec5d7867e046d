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
4.000 partition node3 | rest
4.100 client0 say lobby two
      committed to 10
      client0 says lobby s0-2: done, number 2
      client0 hears lobby: two, number 2
4.200 client0 say lobby three
      committed to 11
      client0 says lobby s0-3: done, number 3
      client0 hears lobby: three, number 3
4.300 client0 say lobby four
      committed to 12
      client0 says lobby s0-4: done, number 4
      client0 hears lobby: four, number 4
4.400 client0 say lobby five
      committed to 13
      client0 says lobby s0-5: done, number 5
      client0 hears lobby: five, number 5
6.000 heal
      client1 hears lobby: two, number 2
      client1 hears lobby: three, number 3
      client1 hears lobby: four, number 4
      client1 hears lobby: five, number 5
9.000 client0 say lobby six
      committed to 14
      client0 says lobby s0-6: done, number 6
      client0 hears lobby: six, number 6
      client1 hears lobby: six, number 6
       the faults stop for node1 node2 node3
       committed to 24
       held
