0.000 candidates node3
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node3 campaigns in term 2
      node3 leads in term 2
      committed to 5
2.000 candidates all
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 cut node1<->node3
6.000 client1 at node2
6.000 client1 write r0 A
      committed to 7
      client1 writes r0: done
       the faults stop for node1 node2 node3
       committed to 11
       held
