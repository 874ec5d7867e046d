0.000 candidates node3
0.000 drop voteRequest node3->any
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node3 campaigns in term 2
      node3 campaigns in term 3
      node3 campaigns in term 4
      node3 campaigns in term 5
      node3 campaigns in term 6
4.000 heal
4.000 partition node3 | rest
4.000 candidates node1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 4
5.500 client0 at node1
6.000 client0 write r0 A
      committed to 5
      client0 writes r0: done
8.000 crash node1 node2 for 200ms
      node1 is down
      node2 is down
8.000 partition node2 | rest
      node1 starts, boot 2
      node2 starts, boot 2
8.300 crash node2
      node2 is down
8.300 candidates all
8.300 heal
      node1 campaigns in term 7
      node1 leads in term 7
      committed to 8
       the faults stop for node1 node3
       committed to 10
       held
