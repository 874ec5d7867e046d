0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node3
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 drop timeoutNow node1->node2
3.000 transfer to node2
3.010 client0 write r0 A
      committed to 7
      client0 writes r0: done
       the faults stop for node1 node2 node3
       committed to 9
       held
